import { expect, test } from "vitest";
import { toCsv } from "./csv";

test("quotes what RFC 4180 asks for", () => {
  expect(
    toCsv(
      ["a", "b,c"],
      [
        ['x "y"', "two\nlines"],
        [1.5, null],
        [NaN, true],
      ],
    ),
  ).toBe('a,"b,c"\r\n"x ""y""","two\nlines"\r\n1.5,\r\nNaN,true\r\n');
});

test("texts that a spreadsheet would run are made harmless, numbers are not", () => {
  expect(toCsv(["v"], [["=1+1"], ["@x"], ["-cmd"], ["-1.5"], [-1.5]])).toBe(
    "v\r\n'=1+1\r\n'@x\r\n'-cmd\r\n-1.5\r\n-1.5\r\n",
  );
});
