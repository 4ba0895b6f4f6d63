/** Every question a source can put to an engine, as paths: what is not built here cannot be asked. */
import { Schema } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import type { LogQuery } from "@rdl/core/log/LogQuery"
import type { LogTime } from "@rdl/core/log/LogTime"
import { isSafe, type ProcessColumns } from "@rdl/core/model/ProcessColumns"
import { isOwn, type PodmanColumns } from "./PodmanColumns.ts"

/** A path of the engine's API; only this module makes them, and every one is a read. */
export const EngineRequest = Schema.String.pipe(Schema.brand("EngineRequest"))
export type EngineRequest = typeof EngineRequest.Type

/** The newest API version this source knows; it speaks the engine's own where that is older. */
export const NEWEST_API = "1.51"

/** The version that Podman's own API is asked in: one that Podman 4 and 5 know. */
const LIBPOD_API = "4.0.0"

/** The most ids that go into one filtered list; for more, ask for all. */
export const MAX_LISTED = 32

/** The part of a LogQuery that the engine is asked; time stamps are always asked for. */
export interface LogSelection extends Pick<
  LogQuery,
  "follow" | "stdout" | "stderr" | "since" | "until" | "details" | "tail"
> {
  /** By Podman's own API, whose answer has frames also where there is a terminal. Default no. */
  readonly libpod?: boolean
}

const isId = Schema.is(ContainerId)

/** Asked without a version, as it tells the version. */
export const ping = EngineRequest.make("/_ping")

/** Who the engine is. */
export const version = (api: string): EngineRequest => versioned(api, "/version")
/** How the engine is set up. */
export const info = (api: string): EngineRequest => versioned(api, "/info")

/** All containers, stopped ones too; with `ids`, those of them that exist. */
export const list = (api: string, ids?: ReadonlyArray<ContainerId>): EngineRequest =>
  versioned(api, "/containers/json", {
    all: "1",
    ...(ids === undefined ? {} : { filters: JSON.stringify({ id: ids.filter(isId) }) }),
  })

/** Undefined where the id is not one, whatever its type claims. */
export const inspect = (api: string, id: ContainerId): EngineRequest | undefined =>
  isId(id) ? versioned(api, `/containers/${id}/json`) : undefined

/** The same question by Podman's own API, which tells more of a log. */
export const libpodInspect = (id: ContainerId): EngineRequest | undefined =>
  isId(id) ? versioned(LIBPOD_API, `/libpod/containers/${id}/json`) : undefined

/** A part of the engine's events, both ends inclusive; absent = from now on, without end. */
export interface EventSpan {
  readonly since?: LogTime | undefined
  readonly until?: LogTime | undefined
  /** Podman's own: the answer ends with what there is now. Default no. */
  readonly isOver?: boolean
}

/** What happens to containers, from now on or within a span of time. */
export const events = (api: string, { isOver = false, since, until }: EventSpan = {}): EngineRequest =>
  versioned(api, "/events", {
    filters: JSON.stringify({ type: ["container"] }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(isOver ? { stream: "0" } : {}),
  })

/** How often figures are told: one a second, or once. */
export interface StatsSelection {
  readonly stream: boolean
  readonly oneShot: boolean
}

/** Undefined where the id is not one. */
export const stats = (api: string, id: ContainerId, { oneShot, stream }: StatsSelection): EngineRequest | undefined =>
  isId(id)
    ? versioned(api, `/containers/${id}/stats`, {
        stream: stream ? "1" : "0",
        ...(oneShot && !stream ? { "one-shot": "1" } : {}),
      })
    : undefined

/** Undefined where the id is not one, or the columns are none, whatever their types claim: the engine gives them to `ps`. */
export const top = (api: string, id: ContainerId, columns?: ProcessColumns): EngineRequest | undefined =>
  isId(id) && (columns === undefined || isSafe(columns))
    ? versioned(api, `/containers/${id}/top`, columns === undefined ? {} : { ps_args: columns })
    : undefined

/** The same of Podman, in columns of its own: for what is none of them it would run a program in the container. Undefined where the id is not one, or a column. */
export const podmanTop = (api: string, id: ContainerId, columns: PodmanColumns): EngineRequest | undefined =>
  isId(id) && isOwn(columns) ? versioned(api, `/containers/${id}/top`, { ps_args: columns, stream: "0" }) : undefined

/** Undefined where the id is not one. Booleans are `1` or left out, the one spelling Docker and Podman agree on. */
export const logs = (api: string, id: ContainerId, selection: LogSelection): EngineRequest | undefined =>
  isId(id)
    ? versioned(selection.libpod ? LIBPOD_API : api, `${selection.libpod ? "/libpod" : ""}/containers/${id}/logs`, {
        ...(selection.stdout ? { stdout: "1" } : {}),
        ...(selection.stderr ? { stderr: "1" } : {}),
        timestamps: "1",
        ...(selection.follow ? { follow: "1" } : {}),
        ...(selection.details ? { details: "1" } : {}),
        ...(selection.tail === undefined ? {} : { tail: String(selection.tail) }),
        ...(selection.since === undefined ? {} : { since: selection.since }),
        ...(selection.until === undefined ? {} : { until: selection.until }),
      })
    : undefined

/** The version to speak with an engine that says `offered`: never newer than we know. */
export const speak = (offered: string): string => (isNewer(offered, NEWEST_API) ? NEWEST_API : offered)

const isNewer = (left: string, right: string): boolean => {
  const [leftMajor = 0, leftMinor = 0] = left.split(".").map(Number)
  const [rightMajor = 0, rightMinor = 0] = right.split(".").map(Number)
  return leftMajor === rightMajor ? leftMinor > rightMinor : leftMajor > rightMajor
}

const versioned = (api: string, path: string, query: Readonly<Record<string, string>> = {}): EngineRequest => {
  const search = new URLSearchParams(query).toString()
  return EngineRequest.make(`/v${api}${path}${search === "" ? "" : `?${search}`}`)
}
