import { afterAll, describe, expect, it } from "vitest"
import { Effect, Either, FastCheck } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseDocument } from "yaml"
import * as Proxy from "../src/commands/Proxy.ts"
import * as Source from "../src/commands/Source.ts"
import * as ConfigFile from "../src/ConfigFile.ts"
import { keysOf, problemsOf } from "../src/SettingKey.ts"

const directory = mkdtempSync(join(tmpdir(), "rdl-config-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const path = join(directory, "c.yaml")
const load = (text: string | Uint8Array) => {
  writeFileSync(path, text)
  return Effect.runPromise(Effect.either(ConfigFile.load(path)))
}

/** What is wrong for a server, without the file's name. */
const problems = async (text: string, server: { readonly settings: Parameters<typeof keysOf>[0] } = Proxy) =>
  problemsOf(Either.getOrThrow(await load(text)), keysOf(server.settings)).map((one) => one.replace(`${path}:`, ""))

describe("a config file", () => {
  it.each([
    ["an empty one", "", []],
    ["one of comments", "# listen: 7070\n", []],
    ["a number, as it is written", "listen: 07070\n", []],
    ["a key as the object that it is", "key: {kty: OKP, crv: Ed25519, x: abc}\n", []],
    ["an unknown name", "listen: 7070\nlissen: 1\n", ['2:1: "lissen" is no setting; did you mean listen?']],
    [
      "a bad value",
      "listen: :99999\n",
      ['1:1: listen: ":99999" is not an address to listen on, such as 127.0.0.1:7070'],
    ],
    ["a name without a value", "listen:\n", ["1:1: listen takes HOST:PORT, and this is nothing"]],
    ["a list", "listen: [a]\n", ["1:1: listen takes HOST:PORT, and this is a list"]],
    ["a list of values where there may be several", "trust-proxy: [10.0.0.0/8, 127.0.0.1]\n", []],
    [
      "a list with a bad value in it",
      "trust-proxy:\n  - 10.0.0.0/8\n  - moon\n",
      ['1:1: trust-proxy: "moon" is no network such as 10.0.0.0/8 or fd00::/8'],
    ],
    [
      "a list of other things",
      "trust-proxy: [[a]]\n",
      ["1:1: trust-proxy takes NETWORK, and this is a list of other things than texts"],
    ],
    ["a truth value", "listen: true\n", ["1:1: listen takes HOST:PORT, and this is true"]],
    ["an alias", "tls-cert: &a x\ntls-key: *a\n", ["2:1: tls-key takes FILE, and this is a reference"]],
    ["a name given twice", "listen: 1\nlisten: 2\n", ["2:1: not good YAML: duplicate key"]],
    ["a sequence", "- a\n", ["1:1: not a list of settings such as listen: 0.0.0.0:7070"]],
  ])("is read, and told what is wrong with it: %s", async (_, text, expected) => {
    expect(await problems(text)).toEqual(expected)
  })

  it("that never ends is refused once it is too large", async () => {
    const loaded = await Effect.runPromise(Effect.either(ConfigFile.load("/dev/zero")))
    expect(loaded).toMatchObject({ left: { detail: "the config file /dev/zero is larger than 1 MiB" } })
  })

  it("names all that is wrong at once, each with its place", async () => {
    expect(await problems("link: pigeon\nproxi: x\n\nengine: ssh://x\nproxy: ftp://x\n", Source)).toEqual([
      '2:1: "proxi" is no setting; did you mean proxy?',
      '5:1: proxy: "ftp://x" is not the URL of a proxy, such as https://logs.example.org',
      expect.stringMatching(/^4:1: engine: "ssh:\/\/x" is no engine: /),
      '1:1: link: "pigeon" is none of auto, ws, http',
    ])
  })

  it("lists all names where none is close", async () => {
    expect((await problems("zzzzzzzzzz: 1\n"))[0]).toContain(ConfigFile.NAMES.join(", "))
  })

  it("may give a setting of several values as a list, whose values are taken as they are", async () => {
    const patterns = ["password=\\S+", "a, b"]
    const file = Either.getOrThrow(
      await load(`redact:\n${patterns.map((one) => `  - '${one}'\n`).join("")}allow: [web-*, 7]\n`),
    )
    const { allow, redact } = Source.settings
    expect(await Effect.runPromise(redact.resolve([], file))).toEqual(patterns)
    expect(await Effect.runPromise(allow.resolve([], file))).toEqual(["web-*", "7"])
    expect(await Effect.runPromise(allow.resolve(["db"], file))).toEqual(["db"])
    expect(problemsOf(file, keysOf(Source.settings))).toEqual([])
  })

  it("that is larger than 1 MiB is refused", async () => {
    expect(Either.isRight(await load("#".repeat(ConfigFile.MAX_BYTES)))).toBe(true)
    const refused = await load("#".repeat(ConfigFile.MAX_BYTES + 1))
    expect(Either.isLeft(refused) && refused.left.message).toContain("larger than 1 MiB")
  })

  it("never shows a secret in what it says", async () => {
    const secret = "hunter2hunter2"
    // Of these the parser's own words repeat what stands there.
    const parsersOwn = [`key: |${secret}\n x`, `key: >${secret}`, `token: !${secret}!x y`]
    for (const text of parsersOwn) expect(parseDocument(text).errors.join()).toContain(secret)
    const shapes = [
      `token: [${secret}]`,
      `key: "${secret}`,
      `token: {a: ${secret}}`,
      `key: *${secret}`,
      `token: ${secret}: x`,
      `allow: [{a: ${secret}}]`,
      ...parsersOwn,
    ]
    for (const text of shapes)
      for (const server of [Proxy, Source]) {
        const told = (await problems(text, server)).join()
        expect(told).not.toContain(secret)
      }
  })

  it("throws at nothing, whatever it is made of", async () => {
    const word = FastCheck.constantFrom(
      ...ConfigFile.NAMES,
      ": ",
      "\n",
      "- ",
      "{",
      "}",
      "*a",
      "&a ",
      "#",
      "'",
      '"',
      "? ",
      "|",
      "x",
    )
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(word, { maxLength: 20 }), async (words) => {
        for (const one of await problems(words.join(""))) expect(one).toMatch(/^\d+:\d+: /)
      }),
    )
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.uint8Array({ maxLength: 64 }), async (bytes) => {
        expect(Either.isRight(await load(bytes))).toBe(true)
      }),
    )
  })
})

describe("the annotated config files", () => {
  it.each([
    ["proxy", Proxy.settings],
    ["source", Source.settings],
  ] as const)("of a %s are good, and name every setting once, set or as a comment", async (server, settings) => {
    const text = readFileSync(fileURLToPath(new URL(`../../../deploy/config/${server}.yaml`, import.meta.url)), "utf8")
    const keys = keysOf(settings)
    const named = [...text.matchAll(/^(?:# ?)?([a-z-]+):(?= |$)/gm)].map(([, name]) => name)
    expect(new Set(named)).toEqual(new Set(keys.map(({ name }) => name)))
    expect(named).toHaveLength(keys.length)
    expect(problemsOf(Either.getOrThrow(await load(text)), keys)).toEqual([])
    const everything = text.replaceAll(/^# ?(?=[a-z-]+:)/gm, "")
    expect(problemsOf(Either.getOrThrow(await load(everything)), keys)).toEqual([])
  })
})
