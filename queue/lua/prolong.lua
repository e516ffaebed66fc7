-- Lengthens the session of somebody inside, once a place and only because they ask. It
-- never goes beyond the admission's maximum, as nothing else does.
--
-- ARGV[3]  visitor
-- ARGV[4]  number of the admission
--
-- Returns {'ok', now, epoch, version, code, deadline}: when the admission ends (us), and
--   'prolonged'  it is longer now
--   'again'      it was prolonged before
--   'never'      the rules give nobody more time, or it is at its maximum
--   'outside'    not inside under that number

local visitor, number = ARGV[3], tonumber(ARGV[4])
local deadline = tonumber(redis.call('ZSCORE', ACTIVE, visitor) or 0)
local c = called(visitor)
if deadline <= now or c.number ~= number then
  return {'ok', now, r.epoch, r.version, 'outside', 0}
elseif redis.call('GETBIT', PROLONGED, text(number)) == 1 then
  return {'ok', now, r.epoch, r.version, 'again', deadline}
end
if c.session == 0 then
  claim(visitor, c)
  deadline = c.session
end
local session = math.min(c.session + r.prolong_seconds * 1000000, c.max)
if session <= c.session then
  return {'ok', now, r.epoch, r.version, 'never', deadline}
end
c.session = session
call(visitor, c)
deadline = math.max(deadline, session)
redis.call('ZADD', ACTIVE, text(deadline), visitor)
bit(PROLONGED, number, 1)
changed()
return {'ok', now, r.epoch, r.version, 'prolonged', deadline}
