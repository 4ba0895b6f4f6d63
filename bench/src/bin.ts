import { Effect, Fiber } from "effect"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Bench from "./Bench.ts"
import * as ProcStat from "./ProcStat.ts"
import { rows } from "./Rows.ts"

const USAGE = `usage: npm run bench -- [--quick] [--only NAME] [--list]
  --quick      less of everything, within 90 s: shows that it runs; its figures mean little
  --only NAME  this row alone; repeatable
  --list       the names of the rows
  RDL_BENCH_PROFILE=DIR leaves a CPU profile of every process there
`

const refuse = (text: string): never => {
  process.stderr.write(`${text}\n${USAGE}`)
  process.exit(2)
}

const readArguments = () => {
  try {
    const options = {
      quick: { type: "boolean" },
      only: { type: "string", multiple: true },
      list: { type: "boolean" },
      help: { type: "boolean" },
    } as const
    return parseArgs({ options }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const { help = false, list = false, only = [], quick = false } = readArguments()
if (help || list) {
  process.stdout.write(help ? USAGE : rows.map(({ name, title }) => `${name}: ${title}\n`).join(""))
  process.exit(0)
}
if (!ProcStat.isHere)
  refuse("the benchmark reads CPU time and memory from /proc, which this system lacks; run it on Linux")
const unknown = only.find((name) => rows.every((row) => row.name !== name))
if (unknown !== undefined) refuse(`there is no row ${unknown}`)

const fiber = Effect.runFork(
  Bench.run({
    rows: rows.filter(({ name }) => only.length === 0 || only.includes(name)),
    quick,
    results: fileURLToPath(new URL("../results/latest.json", import.meta.url)),
  }),
)
// Interrupted, every row stops what it has started and removes what it has made; a second signal does not wait for it.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    process.once(signal, () => process.exit(130))
    Effect.runFork(Fiber.interrupt(fiber))
  })
fiber.addObserver((exit) => process.exit(exit._tag === "Success" ? (exit.value ? 0 : 1) : 130))
