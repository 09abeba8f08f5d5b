#!/bin/sh
aws iam attach-role-policy --role-name ${role}
