import { expect, test } from "vitest";
import { readWebhookUrl } from "./webhook-url.ts";

const PRODUCTION = { environment: "production", allowsPrivateWebhooks: false } as const;

test.each(["https://hooks.example/a?b=c", "https://8.8.8.8/x", "https://hooks.example:8443/"])(
  "%s may be called",
  (url) => {
    expect(readWebhookUrl(url, PRODUCTION)).toBe(url);
  },
);

test.each([
  "",
  "hooks.example/a",
  "/a",
  "http://hooks.example/",
  "ftp://hooks.example/",
  "javascript:alert(1)",
  "https://user:secret@hooks.example/",
  "https://user@hooks.example/",
  "https://127.0.0.1/",
  "https://127.1/",
  "https://2130706433/",
  "https://0x7f.0.0.1/",
  "https://0177.0.0.1/",
  "https://[::1]/",
  "https://[::ffff:10.0.0.1]/",
  "https://169.254.169.254/latest/meta-data",
  "https://localhost/",
  "https://127。0。0。1/",
  "https://hooks.exa\nmple/",
  "https://hooks.example/ x",
  "https://hooks.example/\0",
])("%j is refused", (url) => {
  expect(() => readWebhookUrl(url, PRODUCTION)).toThrow("invalid_webhook_url");
});

test("development takes http, and private addresses only when that is asked for", () => {
  const development = { environment: "development", allowsPrivateWebhooks: false } as const;
  expect(readWebhookUrl("http://hooks.example/", development)).toBe("http://hooks.example/");
  expect(() => readWebhookUrl("http://127.0.0.1:9/", development)).toThrow("not a public address");
  expect(
    readWebhookUrl("http://127.0.0.1:9/", { ...development, allowsPrivateWebhooks: true }),
  ).toBe("http://127.0.0.1:9/");
});
