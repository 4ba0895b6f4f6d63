/** Which engine is played: the differences between engines that a client of their logs can see. */

export type FlavourName = "docker-20.10" | "docker-26.1" | "podman"

/**
 * What `since` means:
 * `each` tests every record, inclusively (Docker to 23);
 * `first` looks for the first record that is not older, then lets everything pass (Docker from 24);
 * `after` tests every record, exclusively, and so does `until` (Podman).
 */
export type SinceRule = "each" | "first" | "after"

export interface Flavour {
  readonly name: FlavourName
  readonly kind: "docker" | "podman"
  readonly version: string
  readonly apiVersion: string
  readonly minApiVersion: string
  readonly since: SinceRule
  /** From this request API version on, the answer of `/logs` names its framing; absent = never any Content-Type. */
  readonly logsContentTypeFrom?: string
  /** Docker from 23 on or somewhat later: what is wrong with a request is a 400, in JSON, and its words begin small. */
  readonly modernErrors: boolean
  /** Docker likewise: `stop` is told before the `die` it waited for, and `die` tells how long the container ran. */
  readonly modernEvents: boolean
}

const FLAVOURS: Record<FlavourName, Flavour> = {
  "docker-20.10": {
    name: "docker-20.10",
    kind: "docker",
    version: "20.10.24",
    apiVersion: "1.41",
    minApiVersion: "1.12",
    since: "each",
    modernErrors: false,
    modernEvents: false,
  },
  "docker-26.1": {
    name: "docker-26.1",
    kind: "docker",
    version: "26.1.5",
    apiVersion: "1.45",
    minApiVersion: "1.24",
    since: "first",
    logsContentTypeFrom: "1.42",
    modernErrors: true,
    modernEvents: true,
  },
  podman: {
    name: "podman",
    kind: "podman",
    version: "6.0.0",
    apiVersion: "1.44",
    minApiVersion: "1.24",
    since: "after",
    modernErrors: false,
    modernEvents: false,
  },
}

export const flavourOf = (name: FlavourName): Flavour => FLAVOURS[name]

/** Below 0 when `left` is the older API version; `1.9` is older than `1.41`. */
export const compareVersions = (left: string, right: string): number => {
  const [a, b] = [left.split(".").map(Number), right.split(".").map(Number)]
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The headers that every answer of a known path carries. */
export const engineHeaders = (flavour: Flavour): Record<string, string> =>
  flavour.kind === "podman"
    ? {
        "Api-Version": flavour.apiVersion,
        "Libpod-Api-Version": flavour.version,
        Server: `Libpod/${flavour.version} (linux)`,
      }
    : {
        "Api-Version": flavour.apiVersion,
        "Docker-Experimental": "false",
        Ostype: "linux",
        Server: `Docker/${flavour.version} (linux)`,
      }
