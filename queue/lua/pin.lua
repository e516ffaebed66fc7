-- Makes a visitor's admission last until a time, because they hold or pay; or
-- gives the session's deadline back. Only for somebody who is inside under that
-- number and whose deadline has not passed; no chain of pins goes beyond the
-- admission's maximum.
--
-- ARGV[3]  visitor
-- ARGV[4]  number of the admission
-- ARGV[5]  'pin' (never shortens) or 'unpin'
-- ARGV[6]  until (us), which is when their hold ends; 0 for none
-- ARGV[7]  'pin': for how long from now (us); 0 for none; the later of the two counts
--          'unpin': only if the admission still ends then (us); 0: in any case
--
-- Returns {'ok', now, epoch, version, deadline, max, before}: when the admission ends now,
-- how far it can be pinned, and when it ended before; deadline 0: not inside.

local visitor, number, unpin = ARGV[3], tonumber(ARGV[4]), ARGV[5] == 'unpin'
local till = tonumber(ARGV[6])
if not unpin and tonumber(ARGV[7]) > 0 then
  till = math.max(till, now + tonumber(ARGV[7]))
end

local deadline = tonumber(redis.call('ZSCORE', ACTIVE, visitor) or 0)
local c = called(visitor)
if deadline <= now or c.number ~= number then
  return {'ok', now, r.epoch, r.version, 0, 0, 0}
end
if unpin and tonumber(ARGV[7]) > 0 and deadline ~= tonumber(ARGV[7]) then
  -- Somebody has pinned it since: theirs stands.
  return {'ok', now, r.epoch, r.version, deadline, c.max, deadline}
end
if c.session == 0 then
  claim(visitor, c)
  deadline = c.session
end
local pinned = math.max(c.session, math.min(till, c.max))
if not unpin then
  pinned = math.max(pinned, deadline)
end
redis.call('ZADD', ACTIVE, text(pinned), visitor)
-- Who holds has their seats, and needs none of those that are left.
local holds = math.min(tonumber(ARGV[6]), c.max)
if not unpin and holds > now then
  holds = math.max(holds, tonumber(redis.call('ZSCORE', HOLDING, visitor) or 0))
  redis.call('ZADD', HOLDING, text(holds), visitor)
  redis.call('ZADD', TAKEN, text(now), visitor)
elseif unpin and tonumber(ARGV[7]) == 0 and holds > now then
  redis.call('ZADD', HOLDING, text(holds), visitor)
elseif unpin and tonumber(ARGV[7]) == 0 then
  redis.call('ZREM', HOLDING, visitor)
end
changed()
return {'ok', now, r.epoch, r.version, pinned, c.max, deadline}
