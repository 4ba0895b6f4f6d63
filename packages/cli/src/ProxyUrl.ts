/** The URL of a proxy, as people give it. */
import { Either } from "effect"

/** Reads http or https, without user, query or fragment: such a URL ends up in logs and lists of processes. */
export const parse = (text: string): Either.Either<URL, string> => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    return Either.left("is not the URL of a proxy, such as https://logs.example.org")
  return url.username === "" && url.password === "" && url.search === "" && url.hash === ""
    ? Either.right(url)
    : Either.left("has more than an address in it: a token goes into --token-file, never into the URL")
}
