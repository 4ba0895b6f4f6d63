/**
 * Text that whatever matches a pattern must contain, so that bytes without it need not be looked at. It is read off the
 * pattern's outermost sequence; where there is doubt, there is none.
 */

/** The longest such text, in UTF-8 bytes; undefined where none is known. The pattern must be one that compiles. */
export const requiredLiteral = (pattern: string): string | undefined => {
  // Flags may fold case from anywhere on, quoted text has other rules, and alternatives need not have anything in common.
  if (/\(\?[a-zA-Z]*i/.test(pattern) || pattern.includes("\\Q")) return undefined
  const reader = new SequenceReader(pattern)
  return reader.read() ? reader.longest() : undefined
}

/** Reads one piece after another: a character, or something that may match any text. */
class SequenceReader {
  private readonly pattern: string
  private at = 0
  /** Characters that follow one another in each match. */
  private run = ""
  private best = ""

  constructor(pattern: string) {
    this.pattern = pattern
  }

  /** False where nothing can be said. */
  read(): boolean {
    while (this.at < this.pattern.length) {
      if (this.peek() === "|") return false
      const character = this.piece()
      if (character === undefined) return false
      if (!this.take(character)) return false
    }
    this.close()
    return true
  }

  longest(): string | undefined {
    return this.best === "" ? undefined : this.best
  }

  /** Adds the character just read, or ends the run for an empty one, by how often it is repeated. */
  private take(character: string): boolean {
    const least = this.leastRepeats()
    if (least === undefined) return false
    // U+FFFD is also what stands for bytes that are no text: they do not contain it.
    const isKnown = character !== "" && character !== "\ufffd"
    if (isKnown && least !== 0) this.run += character
    if (!isKnown || least !== 1) this.close()
    return true
  }

  private close(): void {
    if (byteLength(this.run) > byteLength(this.best)) this.best = this.run
    this.run = ""
  }

  private peek(): string {
    return this.pattern.charAt(this.at)
  }

  /** The character that the next piece matches, "" where it matches something else, undefined in doubt. */
  private piece(): string | undefined {
    const character = String.fromCodePoint(this.pattern.codePointAt(this.at) ?? 0)
    if (character === "\\") return this.escape()
    if (character === "[") return this.skipClass()
    if (character === "(") return this.skipGroup()
    this.at += character.length
    return /^[.^$*+?{}\])]$/.test(character) ? "" : character
  }

  private escape(): string | undefined {
    const next = this.pattern.charAt(this.at + 1)
    this.at += 2
    if (PUNCTUATION.test(next)) return next
    if (next === "x") return this.skip(/\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2}/y)
    if (next === "p" || next === "P") return this.skip(/\{[^}]*\}|[A-Za-z]/y)
    return SIMPLE_ESCAPES.includes(next) ? "" : undefined
  }

  /** Steps over what the expression matches here. */
  private skip(expression: RegExp): "" | undefined {
    expression.lastIndex = this.at
    const found = expression.exec(this.pattern)
    if (found === null) return undefined
    this.at += found[0].length
    return ""
  }

  /** A bracket that comes first stands for itself; names such as `[:alpha:]` have brackets of their own. */
  private skipClass(): "" | undefined {
    return this.skip(/\[\^?\]?(?:\\[^]|\[:\^?[a-z]+:\]|[^\\\]])*\]/y)
  }

  private skipGroup(): "" | undefined {
    let depth = 0
    while (this.at < this.pattern.length) {
      const character = this.peek()
      if (character === "\\") this.at += 2
      else if (character === "[") {
        if (this.skipClass() === undefined) return undefined
      } else {
        this.at++
        if (character === "(") depth++
        else if (character === ")" && --depth === 0) return ""
      }
    }
    return undefined
  }

  /** How often the piece just read must be there at least, 1 also standing for exactly once; undefined in doubt. */
  private leastRepeats(): number | undefined {
    const [quantifier = "", count] = matchAt(/[*+?]\??|\{(\d+)(?:,\d*)?\}\??/y, this.pattern, this.at)
    if (quantifier === "") return 1
    this.at += quantifier.length
    if (/^[*+?{]/.test(this.pattern.slice(this.at))) return undefined
    const isPlus = quantifier.startsWith("+")
    return isPlus ? 2 : Number(count ?? 0) === 0 ? 0 : 2
  }
}

const PUNCTUATION = /^[!-/:-@[-`{-~]$/
const SIMPLE_ESCAPES = "dDsSwWbBAzaftnrv"

const matchAt = (expression: RegExp, text: string, at: number): ReadonlyArray<string | undefined> => {
  expression.lastIndex = at
  return expression.exec(text) ?? []
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length
