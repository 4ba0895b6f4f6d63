import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { compile, MAX_PATTERN_LENGTH, MAX_PROGRAM_SIZE } from "@rdl/core/log/LogPattern"

const fault = (text: string): string => Either.getOrThrow(Either.flip(compile(text)))
const pattern = (text: string) => Either.getOrThrow(compile(text))

describe("LogPattern", () => {
  it("finds a pattern anywhere in a line, in the case it is written in unless it says otherwise", () => {
    expect(pattern("ERROR|panic").test("an ERROR here")).toBe(true)
    expect(pattern("ERROR").test("an error here")).toBe(false)
    expect(pattern("(?i)ERROR").test("an error here")).toBe(true)
    expect(pattern("^a.*é$").test("a → é")).toBe(true)
    expect(pattern("^b").test("ab")).toBe(false)
  })

  it.each([
    ["(a)\\1", "a back-reference at character 4, which cannot be searched for in linear time"],
    ["(?P<n>a)\\k<n>", "a back-reference at character 9, which cannot be searched for in linear time"],
    ["ab(?=c)", "look-around at character 3, which cannot be searched for in linear time"],
    ["ab(?!c)", "look-around at character 3, which cannot be searched for in linear time"],
    ["(?<=a)b", "look-around at character 1, which cannot be searched for in linear time"],
    ["(?<!a)b", "look-around at character 1, which cannot be searched for in linear time"],
    ["x[a", 'missing closing ] "[a" at character 2'],
    ["a**", 'invalid nested repetition operator "**" at character 2'],
    ["a|(b", 'missing closing ) "a|(b" at character 1'],
  ])("says what is wrong with %s, and where", (text, expected) => {
    expect(fault(text)).toBe(expected)
  })

  it("refuses patterns that are too long, or whose programs would be", () => {
    expect(fault("a".repeat(MAX_PATTERN_LENGTH + 1))).toContain(`over ${MAX_PATTERN_LENGTH} characters`)
    for (const text of [
      "a{999}".repeat(170),
      "(?:a{30}){30}".repeat(70),
      "((a{30}){30})",
      "(?i)\\pL{600}",
      "(?:a|bc)".repeat(128),
    ])
      expect(fault(text)).toContain(`longer than ${MAX_PROGRAM_SIZE} steps`)
    // It is not compiled to find out how little would come of it.
    expect(fault("(?:){600}")).toContain(`longer than ${MAX_PROGRAM_SIZE} steps`)
    expect(pattern("\\{999} [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}").size).toBeLessThan(MAX_PROGRAM_SIZE)
  })

  it("searches in time that grows with the line, also where a backtracking engine would not be done in this life", () => {
    const line = "a".repeat(200_000)
    for (const text of [
      "(a+)+$",
      "(a|a)*b$",
      "(x+x+)+y",
      "^(([a-z])+.)+[A-Z]([a-z])+$",
      "(a?){100}a{100}!",
      "(?:a*)*[^a]",
    ])
      expect(pattern(text).test(`${line}!`)).toBe(new Set(["(a?){100}a{100}!", "(?:a*)*[^a]"]).has(text))
  })

  it("agrees with JavaScript's own engine where both know a pattern", () => {
    FastCheck.assert(
      FastCheck.property(patternArbitrary, FastCheck.array(line, { minLength: 20, maxLength: 20 }), (text, lines) => {
        const ours = compile(text)
        FastCheck.pre(Either.isRight(ours))
        const theirs = new RegExp(text, "su")
        for (const one of lines) expect([text, one, ours.right.test(one)]).toEqual([text, one, theirs.test(one)])
      }),
    )
  })

  it("knows only texts that every matching line contains", () => {
    FastCheck.assert(
      FastCheck.property(matching, ({ text, match }) => {
        const ours = compile(text)
        FastCheck.pre(Either.isRight(ours))
        const { literal, test } = ours.right
        expect([text, match, test(match)]).toEqual([text, match, true])
        expect([text, match, literal, match.includes(literal ?? "")]).toEqual([text, match, literal, true])
      }),
      { numRuns: 300 },
    )
  })

  it("replaces what JavaScript's own engine would, within the work it is given, or nothing", () => {
    FastCheck.assert(
      FastCheck.property(patternArbitrary, line, FastCheck.nat(20_000), (text, one, left) => {
        const ours = compile(text)
        FastCheck.pre(Either.isRight(ours))
        const theirs = one.replaceAll(new RegExp(text, "gsu"), "#")
        expect([text, one, ours.right.replace(one, "#", { left: Infinity })]).toEqual([text, one, theirs])
        const budget = { left }
        const within = ours.right.replace(one, "#", budget)
        expect([theirs, undefined]).toContain(within)
        const enough = ours.right.size * (one.length + 1) ** 2 + 64 * (one.length + 1)
        expect([within === undefined, left < enough]).not.toEqual([true, false])
      }),
      { numRuns: 300 },
    )
  })

  it("counts each match as work of its own, however short the search was", () => {
    const budget = { left: 1_000_000 }
    expect(pattern("x").replace("x".repeat(1_000), "", budget)).toBe("")
    expect(1_000_000 - budget.left).toBeGreaterThanOrEqual(64_000)
  })

  it.each([
    ["ERROR", "ERROR"],
    ["ERROR.*worker-1[0-5]", "worker-1"],
    ["^GET /api/v\\d+/users$", "GET /api/v"],
    ["a\\.b\\/c", "a.b/c"],
    ["colou?r", "colo"],
    ["ab+cd", "ab"],
    ["x{2}yz", "yz"],
    ["x{0,3}yz*", "y"],
    ["(?:timeout|refused) after", " after"],
    ["[[:alpha:]]]x[]]yz", "yz"],
    ["\\x41bc\\x{e9}\\pLd\\p{Greek}ef", "bc"],
    ["né😀+!", "né😀"],
    ["a\ufffdbc", "bc"],
    ["a|b", undefined],
    ["(?i)abc", undefined],
    ["(abc)", undefined],
    ["ab(?i)c", undefined],
    ["\\Qa.b\\E", undefined],
    ["\\d+", undefined],
    ["a*", undefined],
  ])("reads off %s what its matches contain", (text, literal) => {
    expect(pattern(text).literal).toBe(literal)
  })
})

const line = FastCheck.string({
  unit: FastCheck.constantFrom("a", "b", "c", "A", "1", " ", "é", "-", "😀", "]", "."),
  maxLength: 12,
})

interface Sample {
  readonly text: string
  readonly match: string
}

const samples: ReadonlyArray<Sample> = [
  { text: "a", match: "a" },
  { text: "bc", match: "bc" },
  { text: "é", match: "é" },
  { text: "😀", match: "😀" },
  { text: "\\.", match: "." },
  { text: "\\|", match: "|" },
  { text: "\\(", match: "(" },
  { text: "\\\\", match: "\\" },
  { text: "\\[", match: "[" },
  { text: "]", match: "]" },
  { text: "{,2}", match: "{,2}" },
  { text: "-", match: "-" },
  { text: ".", match: "x" },
  { text: "\\d", match: "7" },
  { text: "\\pL", match: "q" },
  { text: "\\p{Lu}", match: "Q" },
  { text: "\\x41", match: "A" },
  { text: "\\x{e9}", match: "é" },
  { text: "[]a]", match: "]" },
  { text: "[^]a]", match: "b" },
  { text: "[a\\]b(]", match: "(" },
  { text: "[[:digit:]|)]", match: ")" },
  { text: "\\Qa|b\\E", match: "a|b" },
  { text: "\\101", match: "A" },
]
const plainPiece = FastCheck.constantFrom(...samples)
/** A quantifier counts the last character of a longer one. */
const quantifiable = FastCheck.constantFrom(
  ...samples.filter(({ text }) => !["bc", "{,2}"].includes(text) && !text.startsWith("\\Q")),
)

/** A pattern and a text that it matches. */
const matching: FastCheck.Arbitrary<Sample> = FastCheck.letrec<{ all: Sample; sequence: Sample; piece: Sample }>(
  (tie) => ({
    all: FastCheck.oneof(
      { weight: 4, arbitrary: tie("sequence") },
      {
        weight: 1,
        arbitrary: FastCheck.tuple(tie("sequence"), tie("sequence"), FastCheck.boolean()).map(
          ([one, other, first]) => ({
            text: `${one.text}|${other.text}`,
            match: first ? one.match : other.match,
          }),
        ),
      },
    ),
    sequence: FastCheck.array(tie("piece"), { minLength: 1, maxLength: 6 }).map((pieces) => ({
      text: pieces.map(({ text }) => text).join(""),
      match: pieces.map(({ match }) => match).join(""),
    })),
    piece: FastCheck.oneof(
      { depthSize: "small", withCrossShrink: true },
      plainPiece,
      FastCheck.tuple(
        quantifiable,
        FastCheck.constantFrom<[string, number]>(
          ["?", 0],
          ["*", 0],
          ["+", 1],
          ["{2}", 2],
          ["{0}", 0],
          ["{1,3}", 3],
          ["{0,2}?", 1],
          ["{2,}", 4],
          ["+?", 2],
          ["??", 1],
        ),
      ).map(([{ text, match }, [quantifier, times]]) => ({ text: text + quantifier, match: match.repeat(times) })),
      FastCheck.tuple(FastCheck.constantFrom("(", "(?:", "(?s:", "(?P<ab>"), tie("all")).map(
        ([open, { text, match }]) => ({
          text: `${open}${text})`,
          match,
        }),
      ),
      FastCheck.tuple(
        tie("all"),
        FastCheck.constantFrom<[string, number]>(["?", 0], ["*", 2], ["+", 1], ["{2}", 2]),
      ).map(([{ text, match }, [quantifier, times]]) => ({
        text: `(${text})${quantifier}`,
        match: match.repeat(times),
      })),
      FastCheck.tuple(FastCheck.constantFrom("(?i)", "(?i:", "(?si:"), tie("all")).map(([open, { text, match }]) => ({
        text: open === "(?i)" ? `(?:(?i)${text})` : `${open}${text})`,
        match: match.toUpperCase(),
      })),
    ),
  }),
).all

/** What both engines take and read alike. */
const patternArbitrary = FastCheck.array(
  FastCheck.constantFrom(
    "a",
    "b",
    "é",
    "😀",
    ".",
    "\\.",
    "[ab]",
    "[^a]",
    "\\d",
    "(a|b)",
    "(?:é1)",
    "a*",
    "b+",
    "c?",
    "a{2}",
    "^",
    "$",
    "|",
    "(?:a|bc)+",
  ),
  { minLength: 1, maxLength: 6 },
).map((pieces) => pieces.join(""))
