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
  /** Written one after the other when it starts. */
  readonly writes: ReadonlyArray<Write>
  /** Written after that, on `say`; then it stays until stopped, and ends with exit code 3. Absent = it ends after its writes. */
  readonly later?: ReadonlyArray<ReadonlyArray<Write>>
}

export interface PlayContainer {
  readonly id: string
  readonly name: string
  readonly command: ReadonlyArray<string>
  /** Starts, and waits until what it writes is stored, or it has ended. */
  readonly start: () => Promise<void>
  /** Writes the next part of `later`; does not wait until it is stored. */
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

/** The shell script that does what a specification says; the sample engine shows it as the command. */
export const scriptOf = (spec: PlaySpec): string => {
  const writes = spec.writes.map(shellWrite).join("; ")
  if (spec.later === undefined) return writes
  const cases = spec.later.map((part, index) => `${index + 1}) ${part.map(shellWrite).join("; ")};;`)
  return [
    "n=0",
    "trap 'exit 3' TERM",
    `say() { n=$((n+1)); case $n in ${cases.join(" ")} esac; }`,
    "trap say USR1",
    writes,
    "while :; do sleep 60 & wait $!; done",
  ].join("; ")
}

/** The pause keeps stdout and stderr, which the engine reads separately, in order. */
const shellWrite = ([stream, text]: Write): string =>
  `printf '%b' '${shellText(Buffer.from(text))}'${stream === "stderr" ? " >&2" : ""}; usleep 20000`

const shellText = (bytes: Buffer): string =>
  [...bytes]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[\w .:,=/-]/.test(character) ? character : "\\0" + byte.toString(8).padStart(3, "0")
    })
    .join("")
