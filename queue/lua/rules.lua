-- Puts rules, phase and message in force; older ones are ignored.
--
-- ARGV[3]  version of the rules
-- then pairs: field of the room, value
--
-- Returns {'ok', now, epoch, version}.

if tonumber(ARGV[3]) > r.rules_version then
  for i = 4, #ARGV, 2 do
    redis.call('HSET', ROOM, ARGV[i], ARGV[i + 1])
  end
  set('rules_version', tonumber(ARGV[3]))
  changed()
end
return {'ok', now, r.epoch, r.version}
