-- What became of a packet at each site it was to go to: 8 bytes of site ID and one byte of verdict, as often as it was decided.
ALTER TABLE shape ADD COLUMN sites BLOB NOT NULL DEFAULT x'';
