/** A certificate of this run for 127.0.0.1. */
import { Effect, type Scope } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { NotHere } from "./BenchError.ts"
import { output, temporaryDirectory } from "./Processes.ts"

export interface Certificate {
  /** PEM texts; the certificate is its own authority. */
  readonly cert: string
  readonly key: string
}

export const make: Effect.Effect<Certificate, NotHere, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")]
  const subject = ["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"]
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
  yield* output("openssl", ["req", ...kind, ...subject, "-keyout", key, "-out", cert]).pipe(
    Effect.mapError(({ detail }) => new NotHere({ what: `openssl (${detail})` })),
  )
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") }
})
