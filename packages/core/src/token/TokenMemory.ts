/** What is remembered of tokens, by the tokens themselves: only this process's memory ever holds them. */

/** How much is remembered at most; beyond it the one that was not asked for longest is forgotten. */
export interface Limits {
  readonly maxTokens: number
  /** Of all remembered tokens together. */
  readonly maxCharacters: number
}

/** 20,000 tokens, twice the sources a proxy knows, and 16 MiB of them: what was not asked for longest is forgotten first. */
export const defaults: Limits = { maxTokens: 20_000, maxCharacters: 16 * 1024 * 1024 }

/** Finds by a hash that is seeded anew in each process, so how long a look takes tells nothing of what is remembered. */
export class TokenMemory<A> {
  readonly #limits: Limits
  /** In the order of their last use. */
  readonly #kept = new Map<string, A>()
  #characters = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** What was remembered of the very same token. */
  get(token: string): A | undefined {
    return this.#kept.get(token)
  }

  /** Also counts as the token's last use. */
  set(token: string, value: A): void {
    this.#forget(token)
    this.#kept.set(token, value)
    this.#characters += token.length
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limits.maxTokens && this.#characters <= this.#limits.maxCharacters) return
      this.#forget(oldest)
    }
  }

  #forget(token: string): void {
    if (this.#kept.delete(token)) this.#characters -= token.length
  }
}
