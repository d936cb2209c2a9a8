import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{src,tests,sdk,devnet,contracts,scripts,bench}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/target/**"],
    // A process each: tests open databases, servers and worker threads, and some kill their children.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A test that leaves a variable of the environment changed would pass or fail with its neighbours.
    unstubEnvs: true,
    restoreMocks: true,
  },
});
