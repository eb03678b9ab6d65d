"""What the app answers: lists, tiles, tables, marks and jobs of the folders that can be seen."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from adaptoscope.counting.audit_table import read_check, write_check
from adaptoscope.datasets.point_tables import read_points
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.imageio.csv_tables import read_table
from adaptoscope.web.access import person_of
from adaptoscope.web.commands import check_table, command_of
from adaptoscope.web.jobs import Job, Jobs
from adaptoscope.web.labels import all_marks, keep_marks, read_marks
from adaptoscope.web.pixels import OpenedImage, OpenedImages, Plane, channels_of
from adaptoscope.web.workspace import Workspace


@dataclass(frozen=True)
class Answers:
    """One method for each address; each takes the request and what was sent with it.

    Parameters
    ----------
    workspaces
        The folders, in the order of their numbers in addresses.
    running
        The jobs.
    opened
        The images that are looked at.
    """

    workspaces: tuple[Workspace, ...]
    running: Jobs
    opened: OpenedImages

    def folders(self, request: Request, body: object) -> Any:
        """List the folders."""
        return [
            {"name": each.name, "images": len(each.files()), "place": str(each.images)}
            for each in self.workspaces
        ]

    def images(self, request: Request, body: object) -> Any:
        """List the images of a folder, each with its count and what is marked in it."""
        workspace = self._workspace(request)
        counts = self._counts(workspace, request)
        marks = all_marks(workspace)
        listed = []
        for file in workspace.files():
            marked = marks.get(file.name)
            listed.append(
                {
                    "name": file.name,
                    "counted": counts.get(file.name),
                    "marks": None
                    if marked is None
                    else {"cells": len(marked.points), "finished": marked.finished},
                }
            )
        return listed

    def facts(self, request: Request, body: object) -> Any:
        """Say what a page has to know of an image before it shows it."""
        file = self._workspace(request).file(request.path_params["image"])
        found: dict[str, Any] = {"name": file.name, "channels": 1}
        try:
            found["channels"] = channels_of(file.path)
            return found | asdict(self._opened(request).facts())
        except InputError as error:
            return found | {"error": str(error)}

    def tile(self, request: Request, body: object) -> Response:
        """Return a tile: 256 x 256 values, unsigned, 16 bits, the low byte first."""
        level, row, column = (_number(request, name) for name in ("level", "row", "column"))
        tile = self._opened(request).tile(level, row, column)
        return Response(
            tile.astype("<u2").tobytes(),
            media_type="application/octet-stream",
            headers={"cache-control": "private, max-age=3600"},
        )

    def cells(self, request: Request, body: object) -> Any:
        """Return the cells that a count found in an image, as [row, column]."""
        workspace = self._workspace(request)
        name = workspace.file(request.path_params["image"]).name
        job = self._count(workspace, request)
        table = None if job is None else Path(job.result) / "points" / "points.csv"
        if table is None or not table.is_file():
            return []
        return read_points(table).get(name, _none()).tolist()

    def marks(self, request: Request, body: object) -> Any:
        """Return what is marked in an image, or keep it."""
        workspace = self._workspace(request)
        name = workspace.file(request.path_params["image"]).name
        if body is None:
            return read_marks(workspace, name).as_dict()
        kept = keep_marks(workspace, name, body)
        return {"version": kept.version, "cells": len(kept.points)}

    def table(self, request: Request, body: object) -> Response:
        """Return the table of a count, byte for byte as the command wrote it, or as XLSX."""
        workspace = self._workspace(request)
        job = self._count(workspace, request)
        table = None if job is None else Path(job.result) / "counts.csv"
        if table is None or not table.is_file():
            raise InputError("Nothing was counted yet.", remedy="count the images first")
        kind = request.path_params["kind"]
        if kind == "csv":
            content, media = table.read_bytes(), "text/csv; charset=utf-8"
        elif kind == "xlsx":
            content = _workbook(table)
            media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        else:
            raise InputError("There is no such table.", expected="counts.csv or counts.xlsx")
        name = f"counts.{kind}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=media, headers=headers)

    def check(self, request: Request, body: object) -> Any:
        """Return the images that were drawn for a check, or keep their hand counts."""
        table = check_table(self._workspace(request), request.path_params["job"])
        rows = read_check(table)
        if body is not None:
            given = body if isinstance(body, Mapping) else {}
            rows = [replace(row, hand_count=_hand_count(given, row.image)) for row in rows]
            write_check(table, rows)
        return [{"image": row.image, "hand_count": row.hand_count} for row in rows]

    def jobs_of(self, request: Request, body: object) -> Any:
        """List one's jobs in a folder, or begin one."""
        workspace, owner = self._workspace(request), person_of(request)
        if body is None:
            self.running.begin_waiting()
            jobs = self.running.of(owner)
            return [job.as_dict() for job in jobs if job.folder.parent == workspace.work / "jobs"]
        if not isinstance(body, Mapping):
            raise SettingsError("This is no job.", expected="kind and options")
        command = command_of(workspace, str(body.get("kind", "")), body.get("options") or {})
        job = self.running.add(workspace.work / "jobs", owner, **asdict(command))
        return job.as_dict()

    def stop(self, request: Request, body: object) -> Any:
        """Stop a job of one's own."""
        job = self.running.find(person_of(request), request.path_params["job"])
        job.stop()
        return job.as_dict()

    def _workspace(self, request: Request) -> Workspace:
        number: int = request.path_params["folder"]
        if not 0 <= number < len(self.workspaces):
            raise InputError("There is no such folder.", remedy="load the page again")
        return self.workspaces[number]

    def _opened(self, request: Request) -> OpenedImage:
        file = self._workspace(request).file(request.path_params["image"])
        return self.opened.open(file.path, _choice(request, "channel"), _plane(request))

    def _count(self, workspace: Workspace, request: Request) -> Job | None:
        """Return the count that a page names, else the newest that is done."""
        name = request.query_params.get("count")
        jobs = [job for job in self.running.of(person_of(request)) if job.kind == "count"]
        jobs = [job for job in jobs if job.folder.parent == workspace.work / "jobs"]
        chosen = (job for job in jobs if job.folder.name == name or not name)
        return next((job for job in chosen if job.state == "done" or name), None)

    def _counts(self, workspace: Workspace, request: Request) -> dict[str, Mapping[str, str]]:
        job = self._count(workspace, request)
        table = None if job is None else Path(job.result) / "counts.csv"
        if table is None or not table.is_file():
            return {}
        rows = read_table(table).rows
        return {row["image"]: row for row in rows if row["region"] in ("all", "")}


def _hand_count(given: Mapping[str, Any], image: str) -> int | None:
    value = given.get(image)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000_000:
        raise InputError(
            f"The hand count of {image} cannot be used.",
            expected="a whole number from 0",
            found=str(value)[:40],
        )
    return value


def _none() -> Any:
    from adaptoscope.images.cell_centres import no_points

    return no_points()


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isdecimal() or len(text) > 9:
        raise InputError(f"The address lacks {name}.", expected="a whole number", found=text[:20])
    return int(text)


def _choice(request: Request, name: str) -> int | None:
    return _number(request, name) if request.query_params.get(name) else None


def _plane(request: Request) -> Plane:
    maximum: Literal["max"] = "max"
    return maximum if request.query_params.get("z") == maximum else _choice(request, "z")


def _workbook(table: Path) -> bytes:
    """Return a table as XLSX; what looks like a formula is text."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    read = read_table(table)
    sheet.append(list(read.columns))
    for row in read.rows:
        sheet.append([_cell(row[column]) for column in read.columns])
    for line in sheet.iter_rows():
        for cell in line:
            if isinstance(cell.value, str):
                cell.data_type = "s"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _cell(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text
