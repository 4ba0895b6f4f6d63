import { describe, expect, it } from "vitest"
import { spawn } from "node:child_process"
import { chmodSync, closeSync, openSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ended, rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()

const file = (name: string, content: string): string => {
  const path = join(rdl.directory, name)
  writeFileSync(path, content)
  chmodSync(path, 0o600)
  return path
}

const output = async (...args: Parameters<typeof rdl.run>): Promise<string> => {
  const { code, stderr, stdout } = await rdl.run(...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  return stdout
}

const refusal = async (...args: Parameters<typeof rdl.run>) => {
  const { code, stderr, stdout } = await rdl.run(...args)
  expect(stdout).toBe("")
  expect(stderr.trim().split("\n")).toHaveLength(1)
  return { code, sentence: stderr.trim() }
}

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()) as Record<string, unknown>

describe.concurrent("rdl key and rdl token", () => {
  it("make a key, its public half, a token, and find the token good", async () => {
    const key = await output(["key", "generate"])
    const half = await output(["key", "public", "--key-file", "-"], { input: key })
    expect(JSON.parse(half)).toMatchObject({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", kid: expect.any(String) })
    expect(half).not.toContain('"d"')
    const token = await output(["token", "issue", "--source", "edge-1", "--ttl=2w"], { env: { RDL_KEY: key } })
    expect(token).toMatch(/^[\w-]+\.[\w-]+\n$/)
    const claims = claimsOf(token)
    expect(claims).toMatchObject({ sub: "edge-1", role: "source" })
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(14 * 86_400)
    const env = { RDL_KEY_FILE: file("pub", half), RDL_TOKEN_FILE: file("token", token) }
    expect(await output(["token", "inspect"], { env })).toMatch(/source +edge-1\n[^]*signature +good\n/)
    expect(JSON.parse(await output(["token", "inspect", "--output", "json"], { env }))).toMatchObject({
      ...claims,
      expired: false,
      signature: "good",
    })
  })

  it("fail where standard output cannot be written, and do not leave half a key as if it were whole", async () => {
    const readOnly = openSync(file("read-only", ""), "r")
    const program = join(rdl.directory, "rdl.mjs")
    const child = spawn(process.execPath, [program, "key", "generate"], { stdio: ["ignore", readOnly, "pipe"] })
    const { code, stderr } = await ended(child)
    closeSync(readOnly)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "rdl: cannot write to standard output: it is not open for that; what is there is not whole\n",
    })
  })

  it("put what a user may see into the token", async () => {
    const key = await output(["key", "generate", "--alg", "HS256"])
    const words = ["--user", "alice", "--allow-source", "edge-*", "--allow-source", "lab", "--allow-label", "team=shop"]
    const token = await output(["token", "issue", ...words], { env: { RDL_KEY: key } })
    expect(claimsOf(token)).toMatchObject({
      sub: "alice",
      role: "user",
      allow: { sources: ["edge-*", "lab"], labels: ["team=shop"] },
    })
    expect(await output(["token", "inspect", "--token", token.trim()])).toContain(
      "sources edge-*, lab; labels team=shop",
    )
  })

  it("call a token bad that another key has signed, with exit code 1", async () => {
    const token = await output(["token", "issue", "--user", "a"], {
      env: { RDL_KEY: await output(["key", "generate"]) },
    })
    const env = { RDL_KEY: await output(["key", "generate"]), RDL_TOKEN: token }
    const { code, stderr, stdout } = await rdl.run(["token", "inspect"], { env })
    expect({ code, stderr }).toEqual({ code: 1, stderr: "rdl: none of the keys has signed this token\n" })
    expect(stdout).toMatch(/signature +bad/)
  })

  it("say which part of a whole JWT is too much", async () => {
    const { code, sentence } = await refusal(["token", "inspect", "--token", "e30.e30.AAAA"])
    expect(code).toBe(1)
    expect(sentence).toContain("a JWT goes without its first part, the header")
  })
})

describe.concurrent("a value", () => {
  it("comes from its flag, else the environment, else the config file", async () => {
    const key = (alg: string) => output(["key", "generate", "--alg", alg])
    const [flag, variable, config] = [await key("EdDSA"), await key("EdDSA"), await key("EdDSA")]
    const kid = (text: string) => (JSON.parse(text) as { kid: string }).kid
    const words = ["key", "public", "--config", file("rdl.yaml", `key-file: ${file("config.key", config)}\n`)]
    const env = { RDL_KEY: variable }
    expect(kid(await output([...words, "--key-file", file("flag.key", flag)], { env }))).toBe(kid(flag))
    expect(kid(await output(words, { env }))).toBe(kid(variable))
    expect(kid(await output(words, { env: { RDL_KEY: "" } }))).toBe(kid(config))
    expect(kid(await output(["key", "public", "--config", file("jwk.yaml", `key: ${config}`)]))).toBe(kid(config))
  })

  it.each<[string, ReadonlyArray<string>, Record<string, string>, string]>([
    ["a missing key", ["key", "public"], {}, "there is no key: give --key-file, or set RDL_KEY or RDL_KEY_FILE"],
    [
      "a key file that is not there",
      ["key", "public"],
      { RDL_KEY_FILE: "/nowhere" },
      'RDL_KEY_FILE: cannot read "/nowhere": there is no such file',
    ],
    ["a key file that is empty", ["key", "public", "--key-file", "/dev/null"], {}, '--key-file: "/dev/null" is empty'],
    [
      "a key given twice",
      ["key", "public", "--key", "a", "--key-file", "b"],
      {},
      "--key and --key-file are both given",
    ],
    ["a key that is none", ["key", "public"], { RDL_KEY: "hunter2" }, "a key is a JWK or a JWK set"],
    ["another algorithm", ["key", "generate", "--alg", "none"], {}, '--alg: "none" is none of EdDSA, HS256'],
    [
      "a time span that is none",
      ["token", "issue", "--user", "a", "--ttl", "90"],
      {},
      '--ttl: "90" is not a time span such as',
    ],
    ["an output that is none", ["token", "inspect"], { RDL_OUTPUT: "xml" }, 'RDL_OUTPUT: "xml" is none of text, json'],
    [
      "a config file that is not there",
      ["key", "public", "--config", "/nowhere"],
      {},
      "cannot read the config file /nowhere",
    ],
    [
      "both a source and a user",
      ["token", "issue", "--user", "a", "--source", "b"],
      {},
      "either --source NAME or --user NAME",
    ],
    [
      "a source's name that is none",
      ["token", "issue", "--source", "edge 1"],
      {},
      '--source: "edge 1" is no name of a source: 1 to 63 letters',
    ],
    ["a user's name that is none", ["token", "issue", "--user", "a\u001b[2J"], {}, "is no name of a user"],
    ["an allowance for a source", ["token", "issue", "--source", "b", "--allow-label", "x"], {}, "are for users"],
    [
      "a flag without its value",
      ["token", "issue", "--user", "a", "--ttl"],
      {},
      "--ttl needs a value; see rdl token issue --help",
    ],
    ["an unknown flag", ["key", "public", "--kee", "a"], {}, "rdl key public has no flag --kee"],
    [
      "an unknown flag before an argument",
      ["token", "inspect", "--folow", "x"],
      {},
      "rdl token inspect has no flag --folow",
    ],
    ["a misspelt flag", ["logs", "web", "--folow"], {}, "rdl logs has no flag --folow; did you mean --follow?"],
    ["a flag twice", ["logs", "web", "-f", "--follow"], {}, "--follow is given twice; see rdl logs --help"],
    ["a needless value", ["logs", "web", "--follow=true"], {}, "--follow takes no value"],
    [
      "an empty allowance, which would allow all",
      ["token", "issue", "--user", "a", "--allow-source", ""],
      {},
      '--allow-source: "" is empty',
    ],
    ["an empty selection, which would select all", ["ps", "--label="], {}, '--label: "" is empty'],
    ["an empty pattern", ["logs", "web", "--grep", ""], {}, '--grep: "" is empty'],
    ["an empty URL", ["ps", "--proxy", ""], {}, '--proxy: "" is not the URL of a proxy'],
    ["an unknown command", ["tokens"], {}, 'rdl has no command "tokens", only'],
    ["an unknown command of a group", ["token", "make"], {}, 'rdl token has no command "make", only issue, inspect'],
    ["an argument too many", ["key", "generate", "x"], {}, 'rdl key generate takes no argument "x"'],
  ])("is refused in one sentence and with exit code 2: %s", async (_, words, env, words2) => {
    const { code, sentence } = await refusal(words, { env })
    expect(sentence).toContain(words2)
    expect(code).toBe(2)
  })

  it("of a file is 64 KiB at most", async () => {
    const { code, sentence } = await refusal(["key", "public", "--key-file", file("long.key", "k".repeat(65_537))])
    expect([code, sentence]).toEqual([2, expect.stringMatching(/long\.key" is too large to be a secret$/)])
  })

  it("of a config file is named with the file", async () => {
    const run = (yaml: string) => refusal(["key", "public", "--config", file("bad.yaml", yaml)])
    const path = join(rdl.directory, "bad.yaml")
    expect(await run("keyfile: x")).toEqual({
      code: 2,
      sentence: `rdl: ${path}:1:1: "keyfile" is no setting; did you mean key-file?`,
    })
    expect((await run("key-file: [a]")).sentence).toContain(`${path}:1:1: key-file takes FILE, and this is a list`)
    expect((await run("a: b: c")).sentence).toContain(`${path}:1:4: not good YAML: `)
    expect((await run("- a")).sentence).toContain(`${path}:1:1: not a list of settings`)
  })

  it("of a file that never ends is refused", async () => {
    const { code, sentence } = await refusal(["key", "public", "--key-file", "/dev/zero"])
    expect([code, sentence]).toEqual([2, 'rdl: --key-file: "/dev/zero" is too large to be a secret'])
  })

  it("comes from standard input, however slowly it is written there", async () => {
    const key = await output(["key", "generate"])
    const program = join(rdl.directory, "rdl.mjs")
    // A pipe of a shell, as the program's own streams of a child are sockets.
    const line = 'sleep 2; printf "%s" "$1"'
    const shell = `(${line}) | "$2" "$3" key public --key-file -`
    const child = spawn("sh", ["-c", shell, "sh", key, process.execPath, program], {
      env: { PATH: process.env["PATH"], HOME: rdl.directory },
    })
    expect(await ended(child)).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining('"kty":"OKP"') })
  })

  it("that is secret is never repeated", async () => {
    const { sentence } = await refusal(["key", "public"], { env: { RDL_KEY: '{"kty":"oct","k":"hunter2hunter2"}' } })
    expect(sentence).not.toContain("hunter2")
  })

  it.each([
    ["ps", "--proxy", "https://ada:hunter2@logs.example.org"],
    ["ps", "--proxy", "https://ada:hunter2/@logs.example.org"],
    ["ps", "--proxy", "https://logs.example.org/?token=hunter2"],
    ["ps", "--proxy", "ada:hunter2@logs.example.org"],
    ["source", "--proxy", "https://logs.example.org", "--engine", "ssh://root:hunter2@edge-1"],
    ["proxy", "--otlp", "http://ada:hunter2@127.0.0.1:4318"],
  ])("and stands in a URL is not either: %s %s %s", async (...words) => {
    const { code, sentence } = await refusal(words, { env: { RDL_KEY: "x", RDL_TOKEN: "x" } })
    expect(sentence).not.toContain("hunter2")
    expect(sentence).toContain("…")
    expect(code).toBe(2)
  })
})

describe.concurrent("rdl --help", () => {
  it("teaches every command by an example", async () => {
    const top = await output([])
    expect(top).toBe(await output(["--help"]))
    expect(top).toContain("codes: 0 done, 1 failed, 2 called wrongly.")
    const page = await output(["token", "issue", "-h"])
    expect(page).toContain("Usage: rdl token issue")
    expect(page).toContain("rdl token issue --key-file rdl.key --source edge-1 > edge-1.token")
    expect(page).toContain("--allow-label KEY[=VALUE]")
  })

  it("stays within 100 columns", async () => {
    for (const words of [[], ["token"], ["token", "issue"], ["key", "public"]])
      for (const line of (await output([...words, "--help"])).split("\n"))
        expect(line.trimStart().startsWith("rdl ") ? 0 : line.length).toBeLessThanOrEqual(100)
  })

  it("leaves room for the release and for completions", async () => {
    expect(await output(["--version"])).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(await output(["--completions", "bash"])).toContain("complete")
  })
})
