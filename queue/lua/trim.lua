-- Drops rows of admissions that MySQL has: up to one, and all of older epochs, which come before.
--
-- ARGV[3]  epoch of the last row that MySQL has
-- ARGV[4]  its sequence number
--
-- Returns {'ok', now, epoch, version, left}: how many rows are left.

local epoch, seq = tonumber(ARGV[3]), tonumber(ARGV[4])
while true do
  local row = redis.call('LINDEX', ADMISSIONS, 0)
  if not row then
    break
  end
  local of, at = string.match(row, '^(%d+):(%d+):')
  if tonumber(of) > epoch or tonumber(of) == epoch and tonumber(at) > seq then
    break
  end
  redis.call('LPOP', ADMISSIONS)
end
return {'ok', now, r.epoch, r.version, redis.call('LLEN', ADMISSIONS)}
