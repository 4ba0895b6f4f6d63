/** The parameters of `/containers/{ref}/logs`, read as each engine reads them. */
import { ApiError } from "./ApiError.ts"
import { parsePodmanTime, parseUnixTime } from "./Timestamp.ts"

export interface LogQuery {
  readonly follow: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly timestamps: boolean
  readonly details: boolean
  /** Nanoseconds since 1970. */
  readonly since?: bigint
  readonly until?: bigint
  /** Records of both streams; absent = all. */
  readonly tail?: number
}

/** Docker: false is one of five words, everything else is true; of repeated parameters the first counts. */
export const dockerBoolean = (params: URLSearchParams, name: string): boolean =>
  !["", "0", "no", "false", "none"].includes((params.get(name) ?? "").trim().toLowerCase())

/** Docker: no engine checks anything before this. */
export const requireDockerStream = (params: URLSearchParams): void => {
  if (!dockerBoolean(params, "stdout") && !dockerBoolean(params, "stderr"))
    throw new ApiError(400, "Bad parameters: you must choose at least one stream")
}

export const dockerLogQuery = (params: URLSearchParams): LogQuery => {
  const since = params.get("since") ?? ""
  const until = params.get("until") ?? ""
  const tail = dockerTail(params.get("tail") ?? "")
  return {
    follow: dockerBoolean(params, "follow"),
    stdout: dockerBoolean(params, "stdout"),
    stderr: dockerBoolean(params, "stderr"),
    timestamps: dockerBoolean(params, "timestamps"),
    details: dockerBoolean(params, "details"),
    ...(since === "" ? {} : { since: parseUnixTime(since) }),
    ...(until === "" || until === "0" ? {} : { until: parseUnixTime(until) }),
    ...(tail === undefined ? {} : { tail }),
  }
}

/** What is no whole number, negative, or beyond 64 bits means all, never an error. */
const dockerTail = (text: string): number | undefined => {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  return value < 0 || value >= 2 ** 63 ? undefined : value
}

const PODMAN_TRUE = ["1", "t", "T", "TRUE", "true", "True", "on"]
const PODMAN_FALSE = ["0", "f", "F", "FALSE", "false", "False", ""]

export const podmanBoolean = (params: URLSearchParams, name: string): boolean => {
  const text = params.get(name)
  if (text === null || PODMAN_FALSE.includes(text)) return false
  if (PODMAN_TRUE.includes(text)) return true
  throw new ApiError(400, `failed to parse parameters: schema: error converting value for ${JSON.stringify(name)}`)
}

/** Podman checks its booleans first, then that a stream was chosen. */
export const requirePodmanStream = (params: URLSearchParams): void => {
  const chosen = ["stdout", "stderr", "follow", "timestamps"].map((name) => podmanBoolean(params, name))
  if (!chosen[0] && !chosen[1]) throw new ApiError(400, "Bad Request: you must choose at least one stream")
}

/** `details` is ignored; a `tail` below -1 brings the handler down, which the caller plays by `PodmanPanic`. */
export const podmanLogQuery = (params: URLSearchParams, now: bigint): LogQuery => {
  const tail = params.get("tail") ?? "all"
  if (tail !== "all" && !/^[+-]?\d+$/.test(tail))
    throw new ApiError(400, `failed to parse query parameter 'tail': ${JSON.stringify(tail)}`)
  if (Number(tail) < -1) throw new PodmanPanic()
  const since = params.get("since")
  const until = params.get("until")
  return {
    follow: podmanBoolean(params, "follow"),
    stdout: podmanBoolean(params, "stdout"),
    stderr: podmanBoolean(params, "stderr"),
    timestamps: podmanBoolean(params, "timestamps"),
    details: false,
    ...(since === null ? {} : { since: parsePodmanTime("since", since, now) }),
    ...(until === null || until === "0" ? {} : { until: parsePodmanTime("until", until, now) }),
    ...(tail === "all" || tail === "-1" ? {} : { tail: Number(tail) }),
  }
}

/** The connection closes without any answer. */
export class PodmanPanic extends Error {}
