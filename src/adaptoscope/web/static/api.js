// Requests to the server that the page came from, and to no other.

async function request(path, options = {}) {
  const response = await fetch(path, {
    ...options,
    headers: { "x-adaptoscope": "page", ...options.headers },
  });
  if (response.ok) return response;
  let said = `The server answered ${response.status}.`;
  try { said = (await response.json()).error || said; } catch { /* not in JSON */ }
  const error = new Error(said);
  error.status = response.status;
  throw error;
}

export async function get(path) { return (await request(path)).json(); }

export async function getBytes(path) { return (await request(path)).arrayBuffer(); }

export async function send(path, content, method = "POST") {
  const body = JSON.stringify(content);
  return (await request(path, { method, body, headers: { "content-type": "application/json" } })).json();
}

export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  return new URLSearchParams(kept).toString();
}
