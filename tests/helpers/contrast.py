"""The least contrast of text and ground in a page: an expression for a browser (WCAG 2.2, "Contrast (Minimum)")."""

from __future__ import annotations

CONTRAST = """(() => {
  const linear = (part) => part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const light = (colour) => { const [r, g, b] = colour.match(/[0-9.]+/g).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (one) => { for (let at = one; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor; if (!colour.endsWith(', 0)')) return colour; }
    return 'rgb(255, 255, 255)'; };
  const ratio = (...colours) => { const [a, b] = colours.map(light).sort((x, y) => y - x);
    return (a + .05) / (b + .05); };
  const html = 'h1, .summary, .badge, .field, .matched, .hint, th, td code, .told, summary, .tag, .uses li, .facts li';
  const fill = (one) => getComputedStyle(one).fill;
  const drawn = (one) => ratio(fill(one), fill(one.parentElement.querySelector('.box')));
  return Math.min(...[...document.querySelectorAll(html)].map((one) => ratio(getComputedStyle(one).color, ground(one))),
    ...[...document.querySelectorAll('.node text')].map(drawn)); })()"""
