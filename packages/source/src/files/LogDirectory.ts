/** Where the engine keeps a container's log files, and whether they may be read. */
import { constants } from "node:fs"
import { access, realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join } from "node:path"
import { Effect } from "effect"
import type { ContainerDetails } from "../engine/EngineContainer.ts"
import type { EngineProblem } from "../engine/EngineError.ts"
import { OriginUnable } from "../log/LogOrigin.ts"
import { MAX_FILES } from "./LogFileSet.ts"

/** A container's files: `name` in `directory`, and up to `rotated` older ones, `name.1` the newest of them. */
export interface LogPlace {
  readonly directory: string
  readonly name: string
  readonly rotated: number
}

export interface Options {
  /**
   * Where the engine's `containers` directory is mounted, such as `/logs`; `none` = no files are read. Default: where the
   * engine says its files are, if it is one of this machine.
   */
  readonly logDir?: string | undefined
  /** Whether the engine is reached by a socket of this machine: then the paths it tells may be ours. */
  readonly isLocal: Effect.Effect<boolean>
  /** Where the engine keeps its data, as it says itself; empty, or absent, where that is not known. */
  readonly rootDir?: Effect.Effect<string, EngineProblem>
  /** Told where files would be read if they could be; the advice says what for and how. */
  readonly onUnreadable?: (advice: string) => Effect.Effect<void>
}

/** Switches the files off. */
const NONE = "none"

/** What the drivers keep where nobody says otherwise: files in all. */
const DEFAULT_FILES = { "json-file": 1, local: 5 } as const

const nameOf = {
  "json-file": (id: string) => [`${id}-json.log`],
  local: () => ["local-logs", "container.log"],
} as const

type Driver = keyof typeof nameOf

/** The files of a container, as far as this process may read their directory. */
export const locate = Effect.fn("LogDirectory.locate")(function* (options: Options, details: ContainerDetails) {
  const { id, logDriver, logOptions, logPath } = details
  if (logDriver !== "json-file" && logDriver !== "local")
    return yield* unable(`the log driver ${logDriver} writes no files that can be read here`)
  const driver: Driver = logDriver
  const parts = nameOf[driver](id)
  const root = yield* rootOf(options, id, parts, driver, logPath)
  const directory = dirname(join(root, id, ...parts))
  const real = yield* Effect.tapError(readable(directory), () => options.onUnreadable?.(advice(root)) ?? Effect.void)
  // The engine makes real directories: a link on the way leads elsewhere.
  if (real !== dirname(join(yield* resolved(root), id, ...parts)))
    return yield* unable("a link stands in the way to the log's files")
  const files = Number(logOptions["max-file"] ?? DEFAULT_FILES[driver])
  if (!(files >= 1 && files <= MAX_FILES)) return yield* unable("there are too many files of this log")
  return { directory: real, name: basename(join(...parts)), rotated: files - 1 } satisfies LogPlace
})

const rootOf = Effect.fnUntraced(function* (
  { logDir, isLocal, rootDir = Effect.succeed("") }: Options,
  id: string,
  parts: ReadonlyArray<string>,
  driver: Driver,
  logPath: string,
) {
  if (logDir === NONE) return yield* unable("reading files is switched off")
  if (logDir !== undefined) return logDir
  if (!(yield* isLocal)) return yield* unable("the engine is not one of this machine")
  // Of this driver the engine does not tell where its files are; they are where they always are.
  if (driver === "local" && logPath === "")
    return yield* Effect.mapError(Effect.flatMap(rootDir, containersIn), () => unable(NOT_TOLD))
  const tail = join("/", id, ...parts)
  // What the engine tells must be the path of this container's log and no other.
  return logPath.startsWith("/") && logPath.endsWith(tail) ? logPath.slice(0, -tail.length) : yield* unable(NOT_TOLD)
})

const NOT_TOLD = "the engine does not tell where it keeps the log"

/** Where the containers' directories are in an engine's data. */
const containersIn = (rootDir: string): Effect.Effect<string, OriginUnable> =>
  isAbsolute(rootDir) ? Effect.succeed(join(rootDir, "containers")) : unable(NOT_TOLD)

/** Whether files may be read here at all, as far as is known without looking for those of a container. */
export const isReadable = Effect.fn("LogDirectory.isReadable")(function* ({
  logDir,
  isLocal,
  rootDir = Effect.succeed(""),
}: Options) {
  if (logDir === NONE || (logDir === undefined && !(yield* isLocal))) return false
  const root = logDir === undefined ? Effect.flatMap(rootDir, containersIn) : Effect.succeed(logDir)
  const unable = () => Effect.succeed(false)
  return yield* root.pipe(Effect.flatMap(readable), Effect.as(true), Effect.catchTag("OriginUnable", unable))
})

/** For whoever runs the source: `root` is where the containers' directories should be. */
const advice = (root: string): string =>
  `logs are read through the engine, as ${root} cannot be read; from its files history comes several times faster, and rotation loses nothing: run the source as a user who may read them, or mount that directory into its container read-only (-v ${root}:${root}:ro), or say --log-dir ${NONE}`

const resolved = (directory: string): Effect.Effect<string, OriginUnable> =>
  Effect.tryPromise({ try: () => realpath(directory), catch: unreadable })

/** The directory's real path; a directory that may be searched but not listed cannot be watched. */
const readable = (directory: string): Effect.Effect<string, OriginUnable> =>
  Effect.tryPromise({
    try: async () => {
      await access(directory, constants.R_OK | constants.X_OK)
      return await realpath(directory)
    },
    catch: unreadable,
  })

const unreadable = (): OriginUnable => new OriginUnable({ detail: "the directory of the log's files cannot be read" })

const unable = (detail: string): OriginUnable => new OriginUnable({ detail })
