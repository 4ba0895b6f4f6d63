/** What the contract asks of an engine besides its API: containers that do as they are told. */

/** What a container writes at once: a stream and its bytes. */
export type Write = readonly [stream: "stdout" | "stderr", text: string | Uint8Array]

export interface PlaySpec {
  readonly name?: string
  readonly tty?: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly env?: ReadonlyArray<string>
  readonly logDriver?: string
  readonly logOptions?: Readonly<Record<string, string>>
  /** Written when it starts, one after the other: stored in this order, whichever streams they go to. */
  readonly writes: ReadonlyArray<Write>
  /** Written after that, on `say`, each part to one stream first; then it stays until stopped, and ends with exit code 3. Absent = it ends after its writes. */
  readonly later?: ReadonlyArray<ReadonlyArray<Write>>
}

export interface PlayContainer {
  readonly id: string
  readonly name: string
  readonly command: ReadonlyArray<string>
  /** Starts, and waits until all whole lines that it writes are stored, and it has ended if it does. */
  readonly start: () => Promise<void>
  /** Writes the next part of `later`, and waits until its whole lines are stored. */
  readonly say: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly pause: () => Promise<void>
  readonly unpause: () => Promise<void>
  readonly rename: (name: string) => Promise<void>
  readonly remove: () => Promise<void>
}

export interface Play {
  readonly url: string
  readonly image: string
  /** Created, not started. */
  readonly create: (spec: PlaySpec) => Promise<PlayContainer>
  /** Removes what was created and is still there. */
  readonly close: () => Promise<void>
}

/** The writes in steps that stay within one stream: an engine reads stdout and stderr apart, so each step waits until the one before is stored. */
export const stepsOf = (spec: PlaySpec): ReadonlyArray<ReadonlyArray<Write>> => {
  // A terminal is one stream; of a log that cannot be read the order does not matter.
  if (spec.tty === true || spec.logDriver === "none") return [spec.writes]
  const steps: Array<Array<Write>> = []
  for (const write of spec.writes) {
    const last = steps.at(-1)
    if (last !== undefined && last[0]?.[0] === write[0]) last.push(write)
    else steps.push([write])
  }
  return steps
}

/** The shell script that does what a specification says, a step further with each SIGUSR1; the sample engine shows it as the command. */
export const scriptOf = (spec: PlaySpec): string => {
  const parts = [...stepsOf(spec), ...(spec.later ?? [])]
  const lines = parts.flatMap((part, index) => [
    ...(index === 0 ? [] : [`while [ $n -lt ${index} ]; do usleep 5000; done`]),
    ...part.map(shellWrite),
  ])
  const stay = spec.later === undefined ? [] : ["while :; do usleep 20000; done"]
  return ["n=0", "trap 'n=$((n+1))' USR1", "trap 'exit 3' TERM", ...lines, ...stay].join("; ")
}

const shellWrite = ([stream, text]: Write): string =>
  `printf '%b' '${shellText(Buffer.from(text))}'${stream === "stderr" ? " >&2" : ""}`

const shellText = (bytes: Buffer): string =>
  [...bytes]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[\w .:,=/-]/.test(character) ? character : "\\0" + byte.toString(8).padStart(3, "0")
    })
    .join("")
