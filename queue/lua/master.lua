-- master names the master that runs this script: its replication id, which a replica gets anew when it is made one, and a
-- server when it starts again from its file. '' where a Redis does not tell.
local function master()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
end

