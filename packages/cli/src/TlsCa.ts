/** The authorities that vouch for a proxy, from a file. */
import { Effect } from "effect"
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { reasonOf } from "./ConfigFile.ts"
import { UsageError } from "./Failure.ts"

/** The PEM text of `--tls-ca`, looked at: TLS itself takes any text, and then trusts nobody without a word. */
export const read = (path: string | undefined): Effect.Effect<string | undefined, UsageError> =>
  path === undefined
    ? Effect.succeed(path)
    : Effect.try({
        try: () => {
          const pem = readFileSync(path, "utf8")
          return new X509Certificate(pem).fingerprint256 === "" ? undefined : pem
        },
        catch: (cause) =>
          new UsageError({ detail: `--tls-ca: cannot use ${JSON.stringify(path)}: ${reasonOf(cause)}` }),
      })
