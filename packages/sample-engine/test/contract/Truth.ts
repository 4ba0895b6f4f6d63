/** Where Docker engines differ: what each says and does, seen at the real ones, which are held to it as the sample engine is. */

export interface Truth {
  readonly apiVersion: string
  readonly minApiVersion: string
  /** A version one older than the oldest. */
  readonly tooOldVersion: string
  /** What `/version` and the header `server` begin with. */
  readonly version: string
  /** Of the refusal of a version too old. */
  readonly tooOldHeaders: Readonly<Record<string, string>>
  /** Of a log, asked for with a version. */
  readonly logsType: (version: string, tty: boolean) => Readonly<Record<string, string>>
  readonly badFilter: (parserSays: string) => readonly [status: number, message: string]
  readonly unknownFilter: (name: string) => string
  readonly ambiguousPrefix: (prefix: string) => readonly [status: number, message: string]
  /** The actions of `docker stop`. */
  readonly stopping: ReadonlyArray<string>
  /** Of the processes of a container that has none. */
  readonly notRunning: (id: string) => string
  /** Whether figures that are taken once, of a container that runs, say whose they are. */
  readonly oneShotIsNamed: boolean
  /** What `die` says besides the exit code. */
  readonly dieSays: ReadonlyArray<string>
}

export const DOCKER_20_10: Truth = {
  apiVersion: "1.41",
  minApiVersion: "1.12",
  tooOldVersion: "1.11",
  version: "20.10.",
  tooOldHeaders: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  logsType: () => ({}),
  badFilter: (parserSays) => [500, parserSays],
  unknownFilter: (name) => `Invalid filter '${name}'`,
  ambiguousPrefix: (prefix) => [500, `Multiple IDs found with provided prefix: ${prefix}`],
  notRunning: (id) => `Container ${id} is not running`,
  oneShotIsNamed: true,
  stopping: ["kill", "die", "stop"],
  dieSays: [],
}

export const DOCKER_26_1: Truth = {
  apiVersion: "1.45",
  minApiVersion: "1.24",
  tooOldVersion: "1.23",
  version: "26.1.",
  tooOldHeaders: { "content-type": "application/json" },
  logsType: (version, tty) => {
    const framing = tty || Number(version.slice(2)) < 42 ? "raw" : "multiplexed"
    return { "content-type": `application/vnd.docker.${framing}-stream` }
  },
  badFilter: () => [400, "invalid filter"],
  unknownFilter: (name) => `invalid filter '${name}'`,
  ambiguousPrefix: (prefix) => [400, `multiple IDs found with provided prefix: ${prefix}`],
  notRunning: (id) => `container ${id} is not running`,
  oneShotIsNamed: false,
  // The two may change places on a busy machine: nothing orders them.
  stopping: ["kill", "stop", "die"],
  dieSays: ["execDuration"],
}
