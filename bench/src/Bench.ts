/** Runs rows one after the other, and tells what they found. */
import { Effect, Either } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { type Finding, finding } from "./Finding.ts"
import * as Machine from "./Machine.ts"
import type { Effort, Row } from "./Row.ts"
import * as Table from "./Table.ts"

export interface Options {
  readonly rows: ReadonlyArray<Row>
  readonly quick: boolean
  /** Where the figures go, as JSON. */
  readonly results: string
}

/** Rounds of each row; of the shortened form, where nothing is compared in earnest. */
const ROUNDS = { full: 3, quick: 1 }

interface Outcome {
  readonly findings: ReadonlyArray<Finding>
  /** Rows that need what this machine lacks. */
  readonly notHere: ReadonlyArray<string>
  readonly failed: ReadonlyArray<string>
}

/** Succeeds with whether every row could be measured; a missed target is a finding, not a failure. */
export const run = ({ quick, results, rows }: Options): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const effort: Effort = {
      quick,
      rounds: quick ? ROUNDS.quick : ROUNDS.full,
      pick: (full, short) => (quick ? short : full),
      say: (text) => Effect.sync(() => process.stderr.write(`  ${text}\n`)),
    }
    const findings: Array<Finding> = []
    const notHere: Array<string> = []
    const failed: Array<string> = []
    for (const row of rows) {
      process.stderr.write(`▸ ${row.name}: ${row.title}\n`)
      const outcome = yield* Effect.either(Effect.scoped(row.run(effort)))
      if (Either.isRight(outcome)) findings.push(...outcome.right.map((seen) => finding(row.name, seen)))
      else if (outcome.left._tag === "NotHere") notHere.push(`${row.name}: ${outcome.left.message}`)
      else failed.push(`${row.name}: ${outcome.left.message}`)
    }
    tell({ findings, notHere, failed }, { quick, results, rows })
    return failed.length === 0
  })

const tell = ({ failed, findings, notHere }: Outcome, { quick, results }: Options): void => {
  const machine = Machine.here()
  const date = new Date().toISOString()
  mkdirSync(dirname(results), { recursive: true })
  writeFileSync(results, `${JSON.stringify({ date, quick, machine, findings, notHere, failed }, null, 2)}\n`)
  const about = `${machine.cores} × ${machine.cpu}, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}`
  const lines = [
    `${date.slice(0, 10)}; ${about}${quick ? "; the shortened form, whose figures mean little" : ""}`,
    "Medians (least–most) of the rounds; compared round by round.",
    "",
    Table.render(findings),
    ...[...notHere, ...failed.map((text) => `failed: ${text}`)].map((text) => `\n${text}`),
    "",
    `The same as JSON: ${results}`,
  ]
  process.stdout.write(`${lines.join("\n")}\n`)
}
