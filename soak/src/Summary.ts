/** What a soak found, for people, and whether it is good. */
import type { Account } from "./Account.ts"
import type { Outcome } from "./Soak.ts"
import * as Verdict from "./Verdict.ts"

/** Sentences shown at most. */
const SHOWN = 20

export interface Summary {
  readonly isGood: boolean
  readonly text: string
}

export const of = ({ accounts, problems, readings, struck, written }: Outcome): Summary => {
  const sum = (what: (account: Account) => number) => accounts.reduce((total, account) => total + what(account), 0)
  const rows = Verdict.compare(readings)
  const wrong = sum((account) => account.wrong)
  const sentences = [...accounts.flatMap((account) => account.sentences), ...problems]
  const isGood = wrong === 0 && problems.length === 0 && rows.every(({ isLevel }) => isLevel)
  const text = [
    `faults: ${[...struck].map(([name, times]) => `${times} × ${name}`).join(", ")}`,
    `lines written: ${written}; delivered: ${sum(({ delivered }) => delivered)} to ${accounts.length} follows`,
    `gaps told: ${sum(({ gaps }) => gaps)}, of ${sum(({ gone }) => gone)} lines; wrong without a word: ${wrong}`,
    "",
    Verdict.render(rows),
    "",
    ...sentences.slice(0, SHOWN),
    ...(sentences.length > SHOWN ? [`… and ${sentences.length - SHOWN} more`] : []),
    isGood ? "good: the accounts balance, and nothing grows" : "NOT GOOD",
  ].join("\n")
  return { isGood, text }
}
