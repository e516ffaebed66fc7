-- Has somebody who waits called before their turn: they go first in the next admission that lets
-- anybody in.
--
-- ARGV[3]  visitor
--
-- Returns {'ok', now, epoch, version, number}: theirs; 0: they are not in line, or not there.

local visitor = ARGV[3]
local number = tonumber(redis.call('ZSCORE', WAITING, visitor) or 0)
if number <= r.head then
  number = tonumber(redis.call('ZSCORE', RETURNED, visitor) or 0)
end
if number > 0 and redis.call('GETBIT', PRESENT, text(number)) == 0 then
  number = 0
end
if number > 0 then
  redis.call('ZADD', PREFERRED, text(number), visitor)
  changed()
end
return {'ok', now, r.epoch, r.version, number}
