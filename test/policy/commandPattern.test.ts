// Command patterns match word by word, and endpoints are what they say.

import { describe, expect, it } from 'vitest';
import { endpointCovers, formatEndpoint, parseEndpoint } from '../../policy/endpoint.ts';
import { commandProblem, failedExample, matchesCommand, splitWords } from '../../policy/exec.ts';
import { editDistance, nearestWord } from '../../policy/inputError.ts';

describe('matchesCommand', () => {
  it.each([
    ['rm -rf /', 'rm -rf /', true],
    ['rm -rf /', 'rm  -rf  /', true],
    ['rm -rf /', 'rm -rf build', false],
    ['rm -rf /', 'rm -rf / x', false],
    ['git push *', 'git push', true],
    ['git push *', 'git push origin main', true],
    ['git push *', 'git pull', false],
    ['git push *', 'gitpush x', false],
    ['npm * publish', 'npm -w publish', true],
    ['npm * publish', 'npm publish', false],
    ['python* -c *', 'python3.11 -c "print(1)"', true],
    ['echo "a b"', "echo 'a b'", true],
    ['echo "a b"', 'echo a b', false],
  ])('%j against %j: %s', (pattern, command, expected) => {
    expect(matchesCommand(splitWords(pattern)!, splitWords(command)!)).toBe(expected);
  });

  it.each(['', ' ', "a 'b", '* x', 'a\nb', 'x '.repeat(70)])('refuses %j', (text) => {
    expect(commandProblem(text)).toBeTypeOf('string');
  });

  it('finds an example that fails', () => {
    expect(failedExample(['git push *'], ['git pull'])).toBeUndefined();
    expect(failedExample(['a', 'git push *'], ['b', 'git push'])).toMatchObject({ list: 'not_match', index: 1 });
  });
});

describe('endpoints', () => {
  it.each([
    ['API.example.com:443', 'api.example.com:443'],
    ['*.example.com:*', '*.example.com:*'],
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['[::1]:8080', '[::1]:8080'],
    ['localhost:1', 'localhost:1'],
  ])('%s', (text, expected) => {
    expect(formatEndpoint(parseEndpoint(text)!)).toBe(expected);
  });

  it.each([
    '',
    'a',
    'a:',
    ':1',
    'a:0',
    'a:65536',
    'a:1x',
    'a b:1',
    'a..b:1',
    '::1:80',
    'http://a:1',
    '*:1',
    'a*.b:1',
    '-a:1',
    'a\n:1',
  ])('refuses %j', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });

  it.each([
    ['*.a.com:443', 'x.a.com:443', true],
    ['*.a.com:443', 'a.com:443', false],
    ['*.a.com:443', 'xa.com:443', false],
    ['*.a.com:443', '*.b.a.com:443', true],
    ['x.a.com:443', '*.a.com:443', false],
    ['a.com:*', 'a.com:1', true],
    ['a.com:1', 'a.com:*', false],
  ])('%s covers %s: %s', (outer, inner, expected) => {
    expect(endpointCovers(parseEndpoint(outer)!, parseEndpoint(inner)!)).toBe(expected);
  });
});

describe('the nearest word', () => {
  it.each([
    ['mdoe', ['mode', 'path'], 'mode'],
    ['Mode', ['mode'], 'mode'],
    ['x', ['mode'], undefined],
    ['zzzz', ['mode', 'path'], undefined],
    ['a'.repeat(100), ['mode'], undefined],
  ])('to %s', (word, valid, expected) => {
    expect(nearestWord(word, valid)).toBe(expected);
  });

  it.each([
    ['', '', 0],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
  ])('%s to %s is %i edits', (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected);
  });
});
