/** The reference middleware of x402 on Express, which keeps no order: the same two terms for every request. */
import type { AddressInfo } from "node:net";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";
import { NETWORK, TOKENS, TREASURY } from "./x402.ts";

const kinds = [{ x402Version: 2, scheme: "exact", network: NETWORK } as const];
const nobody = () => Promise.reject(new Error("nobody pays here"));
const server = new x402ResourceServer({
  verify: nobody,
  settle: nobody,
  getSupported: () => Promise.resolve({ kinds, extensions: [], signers: {} }),
}).register(NETWORK, new ExactEvmScheme());

const accepts = TOKENS.map(({ contract, extra }) => ({
  scheme: "exact",
  network: NETWORK,
  payTo: TREASURY,
  maxTimeoutSeconds: 900,
  price: { asset: contract, amount: "2040000", extra: { ...extra } },
}));
const app = express();
app.use(paymentMiddleware({ "POST /order": { accepts, description: "A travel eSIM" } }, server));
app.post("/order", (_request, response) => {
  response.json({});
});
const listening = app.listen(0, "127.0.0.1", () => {
  const { port } = listening.address() as AddressInfo;
  process.stdout.write(`http://127.0.0.1:${port} reference\n`);
});
process.once("SIGTERM", () => process.exit(0));
