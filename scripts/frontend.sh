#!/usr/bin/env bash
# Makes the site's style sheet, script and icons from nhsuk-frontend, and puts
# axe-core beside the browser tests, at the versions that
# infra/web/site/frontend/package-lock.json pins by their hashes. Their results
# are kept in the repository: run this only after changing a version there.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v npm >/dev/null || { echo "npm is missing. Install Node.js with npm, then try again." >&2; exit 1; }

out=$PWD/infra/web/site/assets
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp infra/web/site/frontend/* "$work"
(cd "$work" && npm ci --ignore-scripts --no-fund --no-audit --silent)

dist=$work/node_modules/nhsuk-frontend/dist/nhsuk
(cd "$work" && node_modules/.bin/sass --quiet-deps --no-source-map --style=compressed --load-path=node_modules nhsuk.scss) >"$out/nhsuk.css"
sed '/^\/\/# sourceMappingURL=/d' "$dist/nhsuk-frontend.min.js" >"$out/nhsuk.js"
mkdir -p "$out/images"
for icon in $(grep -o 'images/[a-z-]*\.svg' "$out/nhsuk.css" | sort -u); do
  cp "$dist/assets/$icon" "$out/$icon"
done
cp "$work/node_modules/axe-core/axe.min.js" test/browser/axe.min.js
cp "$work/node_modules/axe-core/LICENSE" test/browser/axe-core.LICENSE
if grep -n 'https\?://[^")]*\.\(woff\|css\|js\)' "$out/nhsuk.css"; then
  echo "the style sheet would fetch something from elsewhere" >&2
  exit 1
fi
