export * as Proxy from "./Proxy.ts"
export * as ProxyServer from "./ProxyServer.ts"
