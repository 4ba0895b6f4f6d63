export * as HttpLinkDialer from "./HttpLinkDialer.ts"
export * as HttpLinkServer from "./HttpLinkServer.ts"
