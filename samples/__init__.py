"""Sample footage and style pictures, made by the scripts in this folder."""
