/** Where a server listens, as people write it. */
import { Either } from "effect"

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Reads `host:port`, `[::1]:port`, `:port` or a bare port, the last two for all addresses of the machine. Port 0 takes a free one. */
export const parse = (text: string): Either.Either<ListenAddress, string> => {
  const [, bracketed, plain, digits = ""] = /^(?:\[([0-9a-fA-F:.]+)\]:|([A-Za-z0-9.-]*):)?(\d{1,5})$/.exec(text) ?? []
  const port = digits === "" ? Number.NaN : Number(digits)
  return port <= 65_535
    ? Either.right({ host: bracketed ?? (plain || "0.0.0.0"), port })
    : Either.left("is not an address to listen on, such as 127.0.0.1:7070")
}

/** A URL of the server for programs of the same machine: what listens everywhere is reached at home. */
export const local = (url: string): string => url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
