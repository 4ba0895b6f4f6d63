/** Reads a container's log from the engine's own files, where they may be read: faster than the engine, and safe across rotation. */
import { Effect } from "effect"
import { join } from "node:path"
import type { End } from "@rdl/core/link/LinkMessage"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import { toMillis, toNanos } from "@rdl/core/log/LogTime"
import { type LogAsk, type LogOrigin, type LogTaker, OriginUnable } from "../log/LogOrigin.ts"
import type { ContainerEnd } from "./ContainerEnd.ts"
import { isRunning } from "../engine/EngineContainer.ts"
import * as FileChain from "./FileChain.ts"
import { follow, ROTATED } from "./FileFollow.ts"
import * as FileHead from "./FileHead.ts"
import { damaged, FilePass } from "./FilePass.ts"
import * as FilePour from "./FilePour.ts"
import { resume, type Resumption } from "./FileResume.ts"
import { lastBefore, later, START, tailPlace, timePlace } from "./FileSearch.ts"
import * as FileWatch from "./FileWatch.ts"
import { GrepBlock } from "./GrepBlock.ts"
import { needleOf } from "./GrepNeedle.ts"
import { JsonFileFormat } from "./JsonFileFormat.ts"
import { endsLongLines, LocalFormat } from "./LocalFormat.ts"
import * as LogDirectory from "./LogDirectory.ts"
import * as LogFile from "./LogFile.ts"
import { HeldFiles, openAll } from "./LogFileSet.ts"
import { RecordFilter } from "./RecordFilter.ts"
import type { RecordFormat } from "./RecordFormat.ts"

export interface Options extends LogDirectory.Options {
  /** Tells why the log of a running container is over, as soon as it is. */
  readonly ended: ContainerEnd
}

/** How long after `until` a follow waits for what was written in time, in milliseconds. */
const UNTIL_GRACE_MS = 1_000

/** Of json-file and `local`; `OriginUnable` for all others, and where the files cannot be read or make no sense. */
export const make = (options: Options): LogOrigin => ({
  name: "files",
  isAble: LogDirectory.isReadable(options),
  read: Effect.fn("FilesLogOrigin.read")((ask, taker) =>
    Effect.scoped(Effect.flatMap(open(options, ask), (log) => read(log, taker))),
  ),
})

/** A log whose files are open. */
interface OpenLog {
  readonly ask: LogAsk
  readonly format: RecordFormat
  /** Oldest first. Without a follow the newest ends where it did when it was opened. */
  readonly files: ReadonlyArray<LogFile.LogFile>
  readonly held: HeldFiles
  /** Why a log that is not followed any more is over. */
  readonly ended: Effect.Effect<End["reason"]>
  readonly live: Live | undefined
}

/** What a follow needs beside. */
interface Live {
  readonly chain: FileChain.FileChain
  readonly watch: FileWatch.FileWatch
  /** Why nothing more will come; undefined while something may. */
  readonly over: () => End["reason"] | undefined
}

const open = Effect.fnUntraced(function* (options: Options, ask: LogAsk) {
  const { query, details, engine, from } = ask
  if (engine.kind !== "docker") return yield* new OriginUnable({ detail: "only Docker's files are known" })
  const place = yield* LogDirectory.locate(options, details)
  const format = formatOf(ask)
  const path = join(place.directory, place.name)
  const held = yield* Effect.acquireRelease(
    Effect.sync(() => new HeldFiles()),
    (held) => held.closeAll,
  )
  const clock = yield* Effect.clock
  const untilMs = query.until === undefined ? undefined : toMillis(query.until)
  const now = clock.unsafeCurrentTimeMillis()
  const isLive = query.follow && isRunning(details.status) && (untilMs ?? Infinity) > now
  // The watch comes first: what happens while the files are opened is heard.
  const watch = isLive ? yield* FileWatch.open(place.directory, place.name) : undefined
  const renames = watch?.renames ?? 0
  // An engine that keeps one file may leave the one before it, for those who are not done with it.
  const rotated = Math.max(place.rotated, 1)
  const opened = yield* openAll(path, from === undefined ? place.rotated : rotated, held)
  const newest = opened[opened.length - 1]!
  const ended = (untilMs ?? Infinity) > now ? options.ended(details) : Effect.succeed("eof" as const)
  const log = { ask, format, files: opened, held, ended }
  if (watch === undefined) {
    const files = [...opened.slice(0, -1), LogFile.upTo(newest, yield* newest.size)]
    return { ...log, files, live: undefined } satisfies OpenLog
  }
  const chain = FileChain.make({ path, rotated, keeps: place.rotated > 0, format, held, watch }, newest, renames)
  let why: End["reason"] | undefined
  yield* Effect.forkScoped(keepChain(chain, watch))
  yield* Effect.forkScoped(
    Effect.map(ended, (reason) => {
      why = reason
      watch.look()
    }),
  )
  const isLate = () => untilMs !== undefined && clock.unsafeCurrentTimeMillis() > untilMs + UNTIL_GRACE_MS
  const over = () => why ?? (isLate() ? "eof" : undefined)
  return { ...log, live: { chain, watch, over } } satisfies OpenLog
})

/** Opens every new file at once, however far the reader is behind. */
const keepChain = (chain: FileChain.FileChain, watch: FileWatch.FileWatch): Effect.Effect<never> =>
  Effect.forever(
    watch.names.heard.pipe(
      Effect.zipRight(Effect.ignore(chain.refresh)),
      Effect.zipRight(Effect.sync(() => chain.hasNext() && watch.anything.ring())),
    ),
  )

const read = Effect.fnUntraced(function* (log: OpenLog, taker: LogTaker) {
  const { ask, format, files, held, live } = log
  taker.settled()
  const newest = files[files.length - 1]!
  const head = live && FileHead.make(newest, format, live.chain)
  // It learns what the file is before a place in it is looked for.
  if (head !== undefined) yield* head.isSame
  const { place, isAfterLoss } = yield* whereTo(log)
  const pour = FilePour.make({ format, filter: filterOf(ask, ask.from), taker, grep: grepOf(log, taker) })
  if (isAfterLoss) taker.gap({ reason: ROTATED })
  const last = files.length - 1
  for (let index = place.file; index < last; index++) {
    const pass = new FilePass(files[index]!, format, index === place.file ? place.offset : 0)
    taker.file(pass.file.device, pass.file.inode)
    if ((yield* pour.pour(pass, ALWAYS)) === "late") return "eof"
    if (pass.end > pass.start) return yield* damaged()
    yield* held.drop(pass.file)
  }
  const pass = new FilePass(newest, format, last === place.file ? place.offset : 0)
  taker.file(newest.device, newest.inode)
  const atEnd = (position: number) =>
    ask.from === undefined && !pour.hasGiven() ? startAfter(log, position, taker) : Effect.void
  if (live !== undefined && head !== undefined) {
    const why = yield* follow({ ...live, pour, taker, format, held, atEnd }, pass, head)
    return why === "late" ? "eof" : why
  }
  if ((yield* pour.pour(pass, ALWAYS)) === "late") return "eof"
  yield* atEnd(pass.position)
  return ask.query.follow ? yield* log.ended : "eof"
})

const ALWAYS = Effect.succeed(true)

/** Where the answer begins: `tail` is applied before `since`. */
const whereTo = Effect.fnUntraced(function* ({ ask, format, files }: OpenLog) {
  const { query, from } = ask
  if (from !== undefined && (from.anchor !== undefined || from.count > 0))
    return yield* resume(files, format, from, () => filterOf(ask, undefined))
  const tail = query.tail === undefined || from !== undefined ? START : yield* tailPlace(files, format, query.tail)
  const time = query.since === undefined ? START : yield* timePlace(files, format, toNanos(query.since))
  return { place: later(tail, time), isAfterLoss: false } satisfies Resumption
})

const grepOf = ({ ask, format }: OpenLog, { literals }: LogTaker): GrepBlock | undefined => {
  const needle = needleOf(literals, ask.details.logDriver === "local" ? "plain" : "json")
  return needle === undefined ? undefined : new GrepBlock(format, needle)
}

/** Nothing was asked for of what there is: the place is behind the last record. */
const startAfter = Effect.fnUntraced(function* ({ format, files }: OpenLog, position: number, taker: LogTaker) {
  const before = yield* lastBefore(files, format, { file: files.length - 1, offset: position })
  if (before !== "unknown") taker.startAfter(before, position)
})

/** Since API 1.43 `since` only finds the first record; before, it is asked of each. */
const filterOf = ({ query, engine }: LogAsk, from: LogCursor | undefined): RecordFilter => {
  const [major = 0, minor = 0] = engine.apiVersion.split(".").map(Number)
  const onlyFirst = major > 1 || minor >= 43
  const { since, until } = query
  const isFound = since !== undefined && from !== undefined && isBehind(from, toNanos(since))
  return new RecordFilter({ since: onlyFirst && isFound ? undefined : since, until, onlyFirst })
}

const isBehind = ({ anchor, last }: LogCursor, since: bigint): boolean =>
  (anchor !== undefined && anchor.nanos >= since) || (last !== undefined && last.nanos >= since)

const formatOf = ({ query, details, engine }: LogAsk): RecordFormat =>
  details.logDriver === "local"
    ? new LocalFormat({ details: query.details, endsLongLines: endsLongLines(engine.version) })
    : new JsonFileFormat({ details: query.details })
