// Names in short: without what all names share, so that what differs can be read.

const LONGEST = 24;

export function shortNames(names) {
  if (names.length < 2 || Math.max(...names.map((name) => name.length)) <= LONGEST) return names.map(withoutMiddle);
  const words = names.map((name) => name.split(/([^\p{L}\p{N}]+)/u));
  const before = shared(words);
  const after = shared(words.map((each) => each.slice(before).reverse()));
  return words.map((each) => `${before ? "…" : ""}${each.slice(before, each.length - after).join("")}${after ? "…" : ""}`).map(withoutMiddle);
}

function withoutMiddle(name) {
  const half = (LONGEST - 1) / 2;
  return name.length <= LONGEST ? name : `${name.slice(0, Math.floor(half))}…${name.slice(-Math.ceil(half))}`;
}

// With how many equal words all names begin.
function shared(words) {
  const least = Math.min(...words.map((each) => each.length));
  for (let place = 0; place < least; place += 1)
    if (words.some((each) => each[place] !== words[0][place])) return place;
  return least;
}
