/** The word that somebody probably meant. */

/** The closest of the words, where at most a third of its letters, and one more, would have to change. */
export const closestWord = (written: string, words: ReadonlyArray<string>): string | undefined => {
  const short = written.slice(0, 64)
  const [best] = words
    .map((word) => ({ word, changes: distance(short, word) }))
    .filter(({ changes, word }) => changes <= 1 + word.length / 3)
    .sort((left, right) => left.changes - right.changes)
  return best?.word
}

/** How many letters have to be put in, taken out or changed. */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)))
    row = next
  }
  return row[right.length]!
}
