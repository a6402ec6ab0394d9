import { defineConfig } from 'vitest/config';

// Real mounts share two processors: files run one after the other, and every test has a hard time limit.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    globalSetup: ['test/setup.ts'],
    env: { NODE_ENV: 'test' },
  },
});
