/** What of `ps` a user may ask on a host: which columns of a container's processes, and nothing that shows more. */
import { Schema } from "effect"

/** Columns that every `ps` of the last twenty years has; none of them shows an environment. */
const COLUMNS = new Set(
  (
    "%cpu %mem args bsdstart bsdtime c class cls cmd comm command cp cputime egid egroup etime euid euser fgid fgroup " +
    "fname fuid fuser gid group lstart lwp maj_flt min_flt ni nice nlwp pcpu pgid pgrp pid pmem ppid pri psr rgid " +
    "rgroup rss rssize rsz ruid ruser s sess sid size spid stat start start_time state stime sz tgid thcount tid time " +
    "tname tt tty ucmd ucomm uid uname user vsize vsz wchan"
  ).split(" "),
)

/**
 * Options that stand alone, and what takes columns after it. Nothing is combined and no `e` is among them but in the
 * engine's own default: a `ps` that finds its options in conflict, as those of `-ef -o pid,args`, takes their letters for
 * the other dialect's.
 */
const ALONE = new Set(["-ef", "-f", "-F", "-l", "u", "ax", "au", "aux", "axu"])
const SELECTS = new Set(["-o", "o"])

/** The longest text that is looked at. */
const MAX_LENGTH = 256

/** Whether these are arguments of `ps` that show no more than a container's processes and their commands. */
export const isSafe = (text: string): boolean => {
  if (text.length > MAX_LENGTH) return false
  const [option = "", columns, ...more] = text.split(" ").filter((word) => word !== "")
  if (columns === undefined) return ALONE.has(option)
  return SELECTS.has(option) && more.length === 0 && columns.split(",").every((column) => COLUMNS.has(column))
}

/** Arguments of `ps`, checked at both ends of a link. */
export const ProcessColumns = Schema.String.pipe(
  Schema.filter((text) => isSafe(text)),
  Schema.brand("ProcessColumns"),
)
export type ProcessColumns = typeof ProcessColumns.Type
