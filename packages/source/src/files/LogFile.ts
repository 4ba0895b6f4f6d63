/** One file of a container's log, held open: it stays readable when the engine renames or removes it. */
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { Effect } from "effect"
import { OriginUnable } from "../LogOrigin.ts"

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
        if (stat.isFile()) return { handle, device: Number(BigInt.asUintN(32, stat.dev)), inode: stat.ino }
      } catch (error) {
        await handle.close()
        throw error
      }
      await handle.close()
      throw new Error("what is there is no file")
    },
    catch: (error) => ({ isMissing: codeOf(error) === "ENOENT", unable: unable(error) }),
  }).pipe(
    Effect.catchAll(({ isMissing, unable }) => (isMissing ? Effect.sync(() => undefined) : Effect.fail(unable))),
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
})

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, OriginUnable> =>
  Effect.tryPromise({ try: work, catch: unable })

/** The error's own message names a path of the machine, which is not for users. */
const unable = (error: unknown): OriginUnable =>
  new OriginUnable({ detail: `the log's files cannot be read: ${codeOf(error) ?? String(error)}` })

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error ? String(error.code) : undefined
