/** Whether a client masks what it sends. The protocol asks for it; in plain JavaScript it takes four times the CPU of all the rest of a link. */
import { createRequire } from "node:module"
import * as http from "node:http"

/**
 * Whether `ws` masks in native code: by Node itself, or by `bufferutil`, an optional dependency that comes prebuilt for
 * x64 (and for arm64 on macOS only). The same test as the one in `ws`.
 */
export const isNative = (): boolean => {
  if ("websocketMask" in http) return true
  if (process.env["WS_NO_BUFFER_UTIL"] !== undefined && process.env["WS_NO_BUFFER_UTIL"] !== "") return false
  try {
    createRequire(import.meta.url)("bufferutil")
    return true
  } catch {
    return false
  }
}

/**
 * Whether to mask with zeros, which changes no byte and so costs nothing. Masks keep a cache between the two ends from
 * taking payload for HTTP; what containers log is chosen by others, so on a plain connection through a network the mask
 * stays random at any price. Within TLS, or within this machine, nothing in between can read what is sent.
 */
export const isNeedless = (target: URL, viaForwardProxy: boolean): boolean =>
  target.protocol === "https:" || (!viaForwardProxy && isLoopback(target.hostname))

/** For `generateMask` of `ws`. */
export const zero = (mask: Buffer): void => {
  mask.fill(0)
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host)
