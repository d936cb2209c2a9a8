/** Buyers over x402 that are killed by SIGKILL, and called again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, onTestFinished, test } from "vitest";
import { ESIM, PLAN } from "../../../src/http/test-x402.ts";
import { fileJournal } from "../journal.ts";
import { openEsimStage } from "../testing/esim-stage.ts";
import { runBuyer } from "../testing/run-buyer.ts";
import { purchaseEsim } from "./buy.ts";

const DEATHS = [
  "before intent entry",
  "after intent entry",
  "before order entry",
  "after order entry",
  "before access entry",
  "before way entry",
  "after way entry",
  "before promise entry",
  "after promise entry",
  "signed",
  "sent",
];

test.each(DEATHS)(
  "killed at %s and called again with the same key: one order, one promise, the goods",
  { timeout: 60_000 },
  async (dieAt) => {
    const stage = await openEsimStage();
    const journalFolder = mkdtempSync(path.join(tmpdir(), "vend402-esim-"));
    onTestFinished(() => rmSync(journalFolder, { recursive: true, force: true }));
    const key = generatePrivateKey();
    const esim = { planId: PLAN.id, idempotencyKey: "agent-task-7" };
    const { url } = stage.shop;
    expect(await runBuyer({ baseUrl: url, journalFolder, dieAt, key, esim })).toBe("SIGKILL");
    stage.deliverAll();
    const account = privateKeyToAccount(key);
    const journal = fileJournal(journalFolder);
    const bought = await purchaseEsim({ ...stage.buyer(), ...esim, account, journal });
    expect(bought.esim.iccid).toBe(ESIM.iccid);
    expect(await stage.countOrders()).toBe(1);
    expect(await stage.promises(bought.orderId)).toHaveLength(1);
  },
);
