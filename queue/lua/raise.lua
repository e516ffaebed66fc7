-- Raises the ceiling to what was reserved in MySQL for this very epoch.
--
-- ARGV[3]  epoch for which the numbers were reserved
-- ARGV[4]  ceiling
--
-- Returns {'ok', now, epoch, version, before}: the ceiling as it was before.

local epoch, ceiling, before = tonumber(ARGV[3]), tonumber(ARGV[4]), r.ceiling
if epoch == r.epoch and ceiling > r.ceiling then
  set('ceiling', ceiling)
  changed()
end
return {'ok', now, r.epoch, r.version, before}
