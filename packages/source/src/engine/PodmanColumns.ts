/** Columns of processes that Podman knows by itself: asked for any other, it runs the container's own `ps` in the container. */
import { Brand, Either } from "effect"
import type { ProcessColumns } from "@rdl/core/model/ProcessColumns"

/** Podman's own names of columns, comma-separated; only this module makes them. */
export type PodmanColumns = string & Brand.Brand<"PodmanColumns">
const make = Brand.nominal<PodmanColumns>()

/** What Podman shows where nobody says what. */
const USUAL = ["user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"]

/** Podman's name of a column, by those that `ps` has for it. */
const NAMES = new Map(
  Object.entries({
    args: ["args", "cmd", "command"],
    comm: ["comm", "ucmd", "ucomm"],
    etime: ["etime"],
    group: ["group", "egroup"],
    nice: ["nice", "ni"],
    pcpu: ["pcpu", "%cpu"],
    pgid: ["pgid", "pgrp"],
    pid: ["pid", "tgid"],
    ppid: ["ppid"],
    rgroup: ["rgroup"],
    rss: ["rss", "rssize", "rsz"],
    ruser: ["ruser"],
    state: ["state", "s"],
    stime: ["stime"],
    time: ["time", "cputime"],
    tty: ["tty", "tt", "tname"],
    user: ["user", "euser", "uname"],
    vsz: ["vsz", "vsize"],
  }).flatMap(([own, names]) => names.map((name) => [name, own] as const)),
)

const OWN = new Set(NAMES.values())

/** Whether the text is nothing else, whatever its type claims. */
export const isOwn = (columns: string): boolean => columns.split(",").every((column) => OWN.has(column))

/** The usual ones for an option without columns; on the left, in words, what stands in the way. */
export const from = (columns: ProcessColumns | undefined): Either.Either<PodmanColumns, string> => {
  const [, asked] = (columns ?? "").split(" ").filter((word) => word !== "")
  if (asked === undefined) return Either.right(make(USUAL.join(",")))
  const own = asked.split(",").map((name) => NAMES.get(name))
  const missing = asked.split(",").find((name) => !NAMES.has(name))
  return missing === undefined
    ? Either.right(make(own.join(",")))
    : Either.left(
        `Podman has no column ${JSON.stringify(missing)} of its own, and would run ps in the container for it: ` +
          `ask for some of ${[...OWN].join(", ")}`,
      )
}
