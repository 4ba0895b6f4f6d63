/** `/containers/{ref}/top`: the one process of a container, in the columns that `ps` would be asked for. */
import { type Answer, jsonAnswer } from "./Answer.ts"
import { ApiError } from "./ApiError.ts"
import type { Container } from "./Container.ts"
import type { EngineState } from "./EngineState.ts"
import type { EngineRequest } from "./RequestLog.ts"

/** Columns by their names behind `-o`, with what stands above them and in them. */
const COLUMNS: Readonly<Record<string, readonly [title: string, cell: (container: Container) => string]>> = {
  user: ["USER", () => "root"],
  uid: ["UID", () => "0"],
  pid: ["PID", () => "1000"],
  ppid: ["PPID", () => "999"],
  pcpu: ["%CPU", () => "1.0"],
  pmem: ["%MEM", () => "0.0"],
  vsz: ["VSZ", () => "2268"],
  rss: ["RSS", () => "652"],
  tt: ["TT", () => "?"],
  tty: ["TTY", () => "?"],
  stat: ["STAT", () => "Ss"],
  start: ["STARTED", () => "00:00:00"],
  time: ["TIME", () => "00:00:00"],
  etime: ["ELAPSED", () => "00:01"],
  comm: ["COMMAND", ({ command }) => (command[0] ?? "").split("/").at(-1)!],
  args: ["COMMAND", ({ command }) => command.join(" ")],
}

type Row = ReadonlyArray<readonly [title: string, cell: (container: Container) => string]>

const column = (name: keyof typeof COLUMNS, title?: string): Row[number] => {
  const [usual, cell] = COLUMNS[name]!
  return [title ?? usual, cell]
}

const FULL: Row = [
  column("user", "UID"),
  column("pid"),
  column("ppid"),
  ["C", () => "1"],
  ["STIME", () => "00:00"],
  column("tty"),
  column("time"),
  column("args", "CMD"),
]
const BSD: Row = [
  ...["user", "pid", "pcpu", "pmem", "vsz", "rss"].map((name) => column(name)),
  column("tty"),
  column("stat"),
  column("start", "START"),
  ["TIME", () => "0:00"],
  column("args"),
]

const rowOf = (asked: string): Row => {
  if (asked === "" || asked === "-ef" || asked === "-f") return FULL
  if (asked === "aux") return BSD
  const names = /^-?o (\S+)$/.exec(asked)?.[1]?.split(",") ?? []
  if (names.length === 0 || names.some((name) => !Object.hasOwn(COLUMNS, name)))
    throw new ApiError(500, `ps: error: ${asked.startsWith("--") ? "unknown gnu long option" : "unsupported option"}`)
  if (!names.includes("pid")) throw new ApiError(500, "Couldn't find PID field in ps output")
  return names.map((name) => column(name))
}

export const topAnswer = (state: EngineState, { params }: EngineRequest, reference: string): Answer => {
  const container = state.containers.resolve(reference)
  if (!container.running)
    throw new ApiError(409, `${state.flavour.modernErrors ? "c" : "C"}ontainer ${container.id} is not running`)
  const row = rowOf(params.get("ps_args") ?? "")
  return jsonAnswer(state.flavour, {
    Processes: [row.map(([, cell]) => cell(container))],
    Titles: row.map(([title]) => title),
  })
}
