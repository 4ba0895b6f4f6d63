/** Reads the log of a folder as the files' own reader does, for a container that runs. */
import { Effect } from "effect"
import type { End } from "@rdl/core/link/LinkMessage"
import type { StreamError } from "@rdl/core/link/StreamError"
import type { LogCursor } from "@rdl/core/log/LogCursor"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { ContainerId } from "@rdl/core/model/Container"
import * as FilesLogOrigin from "../../src/files/FilesLogOrigin.ts"
import type { LogTaker, OriginUnable } from "../../src/log/LogOrigin.ts"
import { asContainer } from "../AsContainer.ts"
import type { LogFolder } from "./LogFolder.ts"

export interface Reading extends Partial<LogQuery> {
  readonly from?: LogCursor | undefined
  /** Of the engine; default 1.45. */
  readonly apiVersion?: string
  /** When and why the container's log is over; default never. */
  readonly ended?: Effect.Effect<End["reason"]>
}

export const readFolder = (
  { id, kept, root }: Pick<LogFolder, "id" | "kept" | "root">,
  taker: LogTaker,
  { apiVersion = "1.45", ended = Effect.never, from, ...query }: Reading = {},
): Effect.Effect<End["reason"], StreamError | OriginUnable> =>
  FilesLogOrigin.make({ logDir: root, isLocal: Effect.succeed(false), ended: () => ended }).read(
    {
      container: asContainer({ id, name: "web" }),
      details: {
        id: ContainerId.make(id),
        tty: false,
        status: "running",
        logDriver: "json-file",
        logPath: "",
        logOptions: { "max-file": `${kept + 1}` },
        startedAt: "",
      },
      engine: { kind: "docker", version: "26.1.5", apiVersion, os: "linux", arch: "amd64" },
      query: { follow: false, stdout: true, stderr: true, timestamps: true, details: false, ...query },
      from,
    },
    taker,
  )
