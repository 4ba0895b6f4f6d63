/** Which HTTP forward proxy the environment names, by the same rules whatever carries a link. */

export type Environment = Readonly<Record<string, string | undefined>>

/** A variable in lower case, else in upper case; an empty one is not set. */
export const variable = (environment: Environment, name: string): string | undefined =>
  environment[name] || environment[name.toUpperCase()] || undefined

/**
 * What `HTTPS_PROXY` or `HTTP_PROXY`, by the target's scheme, or else `ALL_PROXY` says, with `http://` before it where it
 * has no scheme; it may be no URL all the same. What `NO_PROXY` excepts is not looked at.
 */
export const named = (target: URL, environment: Environment): string | undefined => {
  const name = target.protocol === "https:" ? "https_proxy" : "http_proxy"
  const text = variable(environment, name) ?? variable(environment, "all_proxy")
  return text === undefined || text.includes("://") ? text : `http://${text}`
}
