/** One file of a container's log, held open: it stays readable when the engine renames or removes it. */
import { close, closeSync, constants, fstat, fstatSync, openSync, read, readSync } from "node:fs"
import { type FileHandle, lstat, open } from "node:fs/promises"
import { promisify } from "node:util"
import { Effect } from "effect"
import { OriginUnable } from "../log/LogOrigin.ts"

/** A file's bytes as the engine wrote them, whether the file is compressed or not. */
export interface LogFile {
  /** The low 32 bits. */
  readonly device: number
  readonly inode: bigint
  /** It is read from its start on; a place further back is reached by starting over. */
  readonly compressed: boolean
  /** Reads up to `length` bytes at `position` into `into[at..]`, and tells how many; 0 = there are none. */
  readonly read: (into: Buffer, at: number, length: number, position: number) => Effect.Effect<number, OriginUnable>
  /** Bytes in the file as of now; those of a compressed file are the compressed ones. */
  readonly size: Effect.Effect<number, OriginUnable>
  /** Whether it has no name any more; absent = not known. */
  readonly isRemoved?: Effect.Effect<boolean, OriginUnable>
  readonly close: Effect.Effect<void>
  /** The same at once; absent where that would take its time. For a few bytes that are still in the system's memory. */
  readonly now?: FileNow
}

/** The most that is read at once. */
export const MAX_NOW_BYTES = 16_384

/** Plain calls, which throw where the file cannot be read. */
export interface FileNow {
  readonly read: (into: Buffer, at: number, length: number, position: number) => number
  readonly size: () => number
}

/** What a file is, as far as it is known before it is read. */
export interface OpenedFile {
  readonly handle: FileHandle
  readonly device: number
  readonly inode: bigint
}

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Opens a regular file for reading; undefined where there is none of this name. A link is not followed. */
export const openRegular = (path: string): Effect.Effect<OpenedFile | undefined, OriginUnable> =>
  Effect.tryPromise({
    try: async (): Promise<OpenedFile | undefined> => {
      const handle = await open(path, FLAGS)
      try {
        const stat = await handle.stat({ bigint: true })
        if (stat.isFile()) return { handle, device: deviceOf(stat.dev), inode: stat.ino }
      } catch (error) {
        await handle.close()
        throw error
      }
      await handle.close()
      throw new Error("what is there is no file")
    },
    catch: (error) => ({ isMissing: codeOf(error) === "ENOENT", unable: unable(error) }),
  }).pipe(
    Effect.catchAll(({ isMissing, unable }) =>
      isMissing ? Effect.succeed<OpenedFile | undefined>(undefined) : Effect.fail(unable),
    ),
    Effect.uninterruptible,
  )

/** A file that is not compressed. */
export const plain = ({ handle, device, inode }: OpenedFile): LogFile => ({
  device,
  inode,
  compressed: false,
  read: (into, at, length, position) => attempt(async () => (await handle.read(into, at, length, position)).bytesRead),
  size: attempt(async () => (await handle.stat()).size),
  isRemoved: attempt(async () => (await handle.stat()).nlink === 0),
  close: Effect.promise(() => handle.close().catch(() => undefined)),
  now: nowOf(() => handle.fd),
})

/** A file as if it ended there, whatever is written behind: for an answer that is to end with what there was. */
export const upTo = (file: LogFile, end: number): LogFile => ({
  device: file.device,
  inode: file.inode,
  compressed: file.compressed,
  read: (into, at, length, position) => file.read(into, at, Math.max(0, Math.min(length, end - position)), position),
  size: Effect.map(file.size, (size) => Math.min(size, end)),
  ...(file.isRemoved && { isRemoved: file.isRemoved }),
  close: file.close,
})

/**
 * Opens a regular file at once, without letting anything else happen: undefined where that cannot be done. For the moment
 * in which the engine is about to remove it.
 */
export const pin = (path: string): LogFile | undefined => {
  try {
    const fd = openSync(path, FLAGS)
    const stat = fstatSync(fd, { bigint: true })
    if (stat.isFile()) return pinned(fd, deviceOf(stat.dev), stat.ino)
    closeSync(fd)
  } catch {}
  return undefined
}

const pinned = (fd: number, device: number, inode: bigint): LogFile => {
  /** Settled once nothing is being read: the number of a file that is closed may be another one's at once. */
  let idle: Promise<unknown> = Promise.resolve()
  let isOpen = true
  const begin = (into: Buffer, at: number, length: number, position: number) => {
    const reading = readAsync(fd, into, at, length, position)
    idle = Promise.allSettled([idle, reading])
    return reading
  }
  const close = () => {
    isOpen = false
    return idle.then(() => closeAsync(fd)).catch(() => undefined)
  }
  return {
    device,
    inode,
    compressed: false,
    read: (into, at, length, position) => attempt(async () => (await begin(into, at, length, position)).bytesRead),
    size: attempt(async () => (await fstatAsync(fd)).size),
    isRemoved: attempt(async () => (await fstatAsync(fd)).nlink === 0),
    close: Effect.promise(close),
    now: nowOf(() => (isOpen ? fd : CLOSED)),
  }
}

/** What a handle that is closed has for a descriptor. */
const CLOSED = -1

const nowOf = (fd: () => number): FileNow => ({
  read: (into, at, length, position) => readSync(fd(), into, at, length, position),
  size: () => fstatSync(fd()).size,
})

const readAsync = promisify(read)
const fstatAsync = promisify(fstat)
const closeAsync = promisify(close)

/** Whether the path leads to this very file. */
export const isAt = (path: string, file: LogFile): Effect.Effect<boolean, OriginUnable> =>
  Effect.tryPromise({
    try: () => lstat(path, { bigint: true }),
    catch: (error) => ({ isMissing: codeOf(error) === "ENOENT", unable: unable(error) }),
  }).pipe(
    Effect.map(({ dev, ino }) => isSame(file, { device: deviceOf(dev), inode: ino })),
    Effect.catchAll(({ isMissing, unable }) => (isMissing ? Effect.succeed(false) : Effect.fail(unable))),
  )

export const isSame = (one: FileIdentity, other: FileIdentity): boolean =>
  one.inode === other.inode && one.device === other.device

type FileIdentity = Pick<LogFile, "device" | "inode">

const deviceOf = (dev: bigint): number => Number(BigInt.asUintN(32, dev))

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, OriginUnable> =>
  Effect.tryPromise({ try: work, catch: unable })

/** The error's own message names a path of the machine, which is not for users. */
const unable = (error: unknown): OriginUnable =>
  new OriginUnable({ detail: `the log's files cannot be read: ${codeOf(error) ?? String(error)}` })

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error ? String(error.code) : undefined
