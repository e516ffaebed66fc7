-- Notes who was heard of, and turns the window when its time is over: who was
-- heard of neither in the window that ends nor in the one before stops being
-- present. After a gap in which nobody called this script, both windows start
-- anew and nobody is absent for absence_seconds: it was our outage, not theirs. So they
-- do while a lobby is drawn: who is drawn counts as seen.
--
-- ARGV[3]  number of the first bit; a multiple of 8
-- ARGV[4]  bits of the numbers heard of, most significant first; may be empty
--
-- Returns {'ok', now, epoch, version}.

local first, bits = tonumber(ARGV[3]), ARGV[4]
local absence = r.absence_seconds * 1000000
local length = absence / 2

local function window(back)
  return KEYS[11 + (r.window - back) % 3]
end

if now - r.seen_at > length / 2 or r.draw == 'frozen' then
  redis.call('UNLINK', window(0), window(1), window(2))
  set('fresh_since', now)
  set('window_at', now)
elseif now - r.window_at >= length then
  if now - r.fresh_since >= absence then
    redis.call('BITOP', 'OR', SCRATCH, window(0), window(1))
    redis.call('BITOP', 'AND', PRESENT, PRESENT, SCRATCH)
    redis.call('UNLINK', SCRATCH)
  end
  set('window', (r.window + 1) % 3)
  set('window_at', now)
  redis.call('UNLINK', window(0))
end

if #bits > 0 then
  redis.call('SETRANGE', SCRATCH, text(first / 8), bits)
  redis.call('BITOP', 'OR', window(0), window(0), SCRATCH)
  redis.call('UNLINK', SCRATCH)
end
set('seen_at', now)
return {'ok', now, r.epoch, r.version}
