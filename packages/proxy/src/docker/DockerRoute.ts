/** Which of Docker's paths are served: an exact list of reads. What is not on it is refused here and goes no further. */

export type DockerRoute =
  | { readonly _tag: "Ping" | "Version" | "Info" | "List" | "Events" }
  | { readonly _tag: "Nothing"; readonly of: keyof typeof NOTHING }
  | { readonly _tag: "Inspect" | "Stats" | "Top"; readonly ref: string }
  /** `framed`: the client is new enough to be told of the framing. */
  | { readonly _tag: "Logs"; readonly ref: string; readonly framed: boolean }
  | { readonly _tag: "Refused"; readonly status: 404 | 405; readonly message: string }

/** What is always empty: rdl has containers and nothing else. */
export const NOTHING = { "/images/json": [], "/networks": [], "/volumes": { Volumes: [], Warnings: [] } } as const

const FIXED: Readonly<Record<string, DockerRoute>> = {
  "/_ping": { _tag: "Ping" },
  "/version": { _tag: "Version" },
  "/info": { _tag: "Info" },
  "/containers/json": { _tag: "List" },
  "/events": { _tag: "Events" },
  "/images/json": { _tag: "Nothing", of: "/images/json" },
  "/networks": { _tag: "Nothing", of: "/networks" },
  "/volumes": { _tag: "Nothing", of: "/volumes" },
}

const OF_CONTAINER = { json: "Inspect", logs: "Logs", stats: "Stats", top: "Top" } as const

/** All that is served, as paths with `:ref` for the container. */
export const TEMPLATES: ReadonlyArray<string> = [
  ...Object.keys(FIXED),
  ...Object.keys(OF_CONTAINER).map((word) => `/containers/:ref/${word}`),
]

/** Docker's paths without a version, which other APIs may have as well: those no part of the user API begins with. */
const DOCKERS_OWN =
  /^\/(?:auth|build|commit|configs|distribution|events|exec|grpc|images|info|networks|nodes|_ping|plugins|secrets|services|session|swarm|system|tasks|version|volumes)(?:\/|$)/
const CONTAINER_WORDS =
  /^\/containers\/(?:create|prune)$|^\/containers\/.+\/(?:json|stats|top|changes|archive|export|attach|attach\/ws|wait|start|stop|restart|kill|rename|pause|unpause|update|resize|exec)$/

/** Whether a path is one of those that are served, whatever the method. Every path with a version before it is Docker's. */
export const has = (path: string): boolean => {
  if (VERSION.test(path) || Object.hasOwn(FIXED, path)) return true
  const route = ofContainer(path, undefined)
  return route !== undefined && route._tag !== "Logs"
}

/**
 * The route of a request, its path as it was sent; undefined where it is not Docker's but perhaps the user API's,
 * which has `GET /containers/{ref}/logs` without a version. Paths are compared as they are: nothing is decoded, joined
 * or shortened first.
 */
export const parse = (method: string, path: string): DockerRoute | undefined => {
  const [prefix = "", minor] = VERSION.exec(path) ?? []
  const rest = path.slice(prefix.length)
  const isVersioned = prefix !== ""
  if (!isVersioned && !isDockers(method, rest)) return undefined
  if (method !== "GET" && !(method === "HEAD" && rest === "/_ping")) return refused(405, `${method} ${rest}`)
  const fixed = Object.hasOwn(FIXED, rest) ? FIXED[rest] : undefined
  return fixed ?? ofContainer(rest, minor) ?? refused(404, `GET ${rest}`)
}

const VERSION = /^\/v1\.(\d{1,3})(?=\/)/

/** Since this version clients are told by Content-Type whether a log has frames. */
const FRAMED_SINCE = 42

const ofContainer = (path: string, minor: string | undefined): DockerRoute | undefined => {
  const [, ref, word] = /^\/containers\/(.+)\/(json|logs|stats|top)$/.exec(path) ?? []
  const decoded = ref === undefined ? undefined : decodeRef(ref)
  if (decoded === undefined) return undefined
  const tag = OF_CONTAINER[word as keyof typeof OF_CONTAINER]
  return tag === "Logs"
    ? { _tag: tag, ref: decoded, framed: Number(minor) >= FRAMED_SINCE }
    : { _tag: tag, ref: decoded }
}

/** Undefined where a segment is none: empty, a step up or down, or one that hides a slash. */
const decodeRef = (ref: string): string | undefined => {
  try {
    const segments = ref.split("/").map(decodeURIComponent)
    return segments.every((segment) => !/^\.{0,2}$|[/\\]|\p{C}/u.test(segment)) ? segments.join("/") : undefined
  } catch {
    return undefined
  }
}

const isDockers = (method: string, path: string): boolean =>
  DOCKERS_OWN.test(path) ||
  path === "/containers/json" ||
  CONTAINER_WORDS.test(path) ||
  (method === "DELETE" && /^\/containers\/[^/]+(?:\/[^/]+)?$/.test(path) && !path.endsWith("/logs"))

const refused = (status: 404 | 405, what: string): DockerRoute => ({
  _tag: "Refused",
  status,
  message:
    status === 405
      ? `rdl only reads: ${what.slice(0, 200)} is not served`
      : `rdl shows containers, their logs, figures and events: nothing is served at ${what.slice(0, 200)}`,
})
